//! Settings of traces.

use super::settings;
use crate::config::Sampling;

#[test]
fn traces_are_set_by_the_names_that_opentelemetry_gives() {
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    let traces = settings("", "", &env).expect("valid").traces;
    assert_eq!(traces.sampling, Sampling::ParentOrPart(0.25));
    assert!(traces.endpoint.is_some() && !format!("{traces:?}").contains("hunter2"));
    let off = "otel_sdk_disabled = true";
    assert!(
        settings(off, "", &env)
            .expect("valid")
            .traces
            .endpoint
            .is_none()
    );

    let wrong = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_SDK_DISABLED", "2"),
        ("OTEL_TRACES_EXPORTER", "jaeger"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
    ];
    let settings = settings("", "", &wrong).expect("a node that serves");
    assert_eq!(settings.traces.sampling, Sampling::ParentOrAlways);
    let warnings = settings.warnings.join("\n");
    assert_eq!(settings.warnings.len(), wrong.len(), "{warnings}");
    assert!(!warnings.contains("hunter2"), "{warnings}");
    for (name, _) in wrong {
        assert!(warnings.contains(name), "{name} is missing in: {warnings}");
    }
}

#[test]
fn traces_follow_the_specification_of_their_variables() {
    let collector = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    let traces = |more: &[(&str, &str)]| {
        let all = [&[collector], more].concat();
        settings("", "", &all).expect("valid")
    };
    let endpoint = |more: &[(&str, &str)]| {
        let endpoint = traces(more).traces.endpoint;
        endpoint.map(|endpoint| endpoint.to_string())
    };
    let there = Some("http://collector:4318/v1/traces".to_owned());
    for alike in [
        ("OTEL_SDK_DISABLED", ""),
        ("OTEL_SDK_DISABLED", "FALSE"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ] {
        assert_eq!(endpoint(&[alike]), there, "{alike:?}");
    }
    for off in [
        ("OTEL_SDK_DISABLED", "True"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ] {
        assert_eq!(endpoint(&[off]), None, "{off:?}");
        assert_eq!(traces(&[off]).warnings, [""; 0], "{off:?}");
    }
    let own = (
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://traces:4318/own",
    );
    assert_eq!(endpoint(&[own]).as_deref(), Some(own.1));
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    assert_eq!(endpoint(&[grpc]), None);
    assert_eq!(traces(&[grpc]).warnings.len(), 1);
    let nowhere = settings("", "", &[grpc]).expect("valid");
    assert_eq!(
        nowhere.warnings, [""; 0],
        "there is no collector to speak to"
    );
    let for_traces = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf");
    assert_eq!(endpoint(&[grpc, for_traces]), there);
}
