//! Reads the verdict on a canary from the reply to a Prometheus query.

use serde::Deserialize;

use super::{Answer, Verdict};

/// JSON reply of `/api/v1/query`.
#[derive(Deserialize)]
struct Reply {
    data: Data,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Series>),
    Scalar(Sample),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: serde_json::Map<String, serde_json::Value>,
    value: Sample,
}

/// Timestamp in seconds, and the value as text.
#[derive(Deserialize)]
struct Sample(#[expect(dead_code, reason = "the time")] f64, String);

/// Returns the verdict in the reply of Prometheus: any value but 0 means that
/// the canary does badly, and no value at all means that it does not.
pub(super) fn answer(body: &[u8]) -> Answer {
    match serde_json::from_slice::<Reply>(body) {
        Ok(Reply {
            data: Data::Vector(series),
        }) => of_series(&series),
        Ok(Reply {
            data: Data::Scalar(Sample(_, value)),
        }) => of_value("the query", &value),
        Ok(_) => unknown("the query's result is neither a vector nor a scalar"),
        Err(error) => unknown(&format!("Prometheus' reply is not understood: {error}")),
    }
}

fn of_series(series: &[Series]) -> Answer {
    let answers = series.iter().map(|one| {
        let labels = serde_json::Value::Object(one.metric.clone());
        of_value(&labels.to_string(), &one.value.1)
    });
    // A bad value takes precedence over one that cannot be read.
    let worst = answers.max_by_key(|answer| match answer.verdict {
        Verdict::Withdraw => 2,
        Verdict::Unknown => 1,
        Verdict::Continue | Verdict::Promote => 0,
    });
    worst.unwrap_or_else(|| fine("the query finds nothing"))
}

fn of_value(what: &str, value: &str) -> Answer {
    match value.parse::<f64>() {
        Ok(0.0) => fine("all values are 0"),
        Ok(number) if number.is_nan() => unknown(&format!("{what} has no value (NaN)")),
        Ok(_) => Answer {
            verdict: Verdict::Withdraw,
            reason: format!("{what} is {value}"),
        },
        Err(_) => unknown(&format!("{what} is {value:?}, which is no number")),
    }
}

fn fine(reason: &str) -> Answer {
    Answer {
        verdict: Verdict::Continue,
        reason: reason.to_owned(),
    }
}

fn unknown(reason: &str) -> Answer {
    Answer {
        verdict: Verdict::Unknown,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(result_type: &str, result: &str) -> Verdict {
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"{result_type}","result":{result}}}}}"#
        );
        answer(body.as_bytes()).verdict
    }

    #[test]
    fn anything_found_but_zero_is_bad() {
        assert_eq!(verdict("vector", "[]"), Verdict::Continue);
        let one = r#"[{"metric":{"a":"b"},"value":[1.5,"0"]}]"#;
        assert_eq!(verdict("vector", one), Verdict::Continue);
        let two = r#"[{"metric":{},"value":[1,"0"]},{"metric":{},"value":[1,"0.02"]},
                      {"metric":{},"value":[1,"NaN"]}]"#;
        assert_eq!(verdict("vector", two), Verdict::Withdraw);
        assert_eq!(verdict("scalar", r#"[1,"0"]"#), Verdict::Continue);
        assert_eq!(verdict("scalar", r#"[1,"+Inf"]"#), Verdict::Withdraw);
    }

    #[test]
    fn what_cannot_be_told_is_unknown() {
        assert_eq!(verdict("scalar", r#"[1,"NaN"]"#), Verdict::Unknown);
        assert_eq!(verdict("matrix", "[]"), Verdict::Unknown);
        assert_eq!(answer(b"<html>").verdict, Verdict::Unknown);
    }
}
