//! Plans of rollouts: the automatic steps of the canary, and the external check that is queried about
//! it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::rollout::check::Check;

/// The automatic steps of a rollout, and its external check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Percentages of the clients that the canary serves, one step after another.
    pub steps: Vec<u8>,
    /// Duration of each step but the last, in milliseconds.
    pub every_ms: u64,
    /// Time at the last step after which the canary is promoted, in milliseconds; `None` to leave
    /// the promotion to an operator.
    pub promote_after_ms: Option<u64>,
    /// External check that is queried about the canary; `None` for no check.
    #[serde(deserialize_with = "Check::stored")]
    pub check: Option<Check>,
}

impl Plan {
    /// Returns the first step above `percent`, if there is one.
    #[must_use]
    pub fn next_step(&self, percent: u8) -> Option<u8> {
        self.steps.iter().copied().find(|step| *step > percent)
    }

    /// Returns how long a canary of `percent` has to be healthy before the next step or the
    /// promotion; `None` if an operator decides.
    #[must_use]
    pub fn due_after(&self, percent: u8) -> Option<Duration> {
        match self.next_step(percent) {
            Some(_) => Some(Duration::from_millis(self.every_ms)),
            None => self.promote_after_ms.map(Duration::from_millis),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_up_from_whatever_share_there_is() {
        let plan = Plan {
            steps: vec![1, 10, 50],
            every_ms: 1000,
            promote_after_ms: Some(5000),
            check: None,
        };
        assert_eq!(plan.next_step(1), Some(10));
        assert_eq!(plan.next_step(20), Some(50));
        assert_eq!(plan.next_step(50), None);
        assert_eq!(plan.due_after(10), Some(Duration::from_secs(1)));
        assert_eq!(plan.due_after(50), Some(Duration::from_secs(5)));
        assert_eq!(Plan::default().due_after(10), None);
    }

    #[test]
    fn plans_of_other_hosts_are_read() {
        let plan: Plan = serde_json::from_str(r#"{"steps":[5],"newer":1}"#).expect("a plan");
        assert_eq!(plan.steps, [5]);
        for check in [
            r#"{"oracle":{"url":"http://o"}}"#,
            r#"{"webhook":{"url":"http://w","newer":1}}"#,
            r#""newest""#,
        ] {
            let text = format!(r#"{{"steps":[5],"check":{check}}}"#);
            let plan: Plan = serde_json::from_str(&text).expect("a plan");
            assert_eq!(plan.check, Some(Check::Other), "{text}");
        }
        let check = Check::Prometheus {
            url: "http://p".to_owned(),
            query: "up".to_owned(),
        };
        let plan = Plan {
            check: Some(check),
            ..plan
        };
        let again = serde_json::to_string(&plan).expect("JSON");
        assert_eq!(serde_json::from_str::<Plan>(&again).expect("a plan"), plan);
    }
}
