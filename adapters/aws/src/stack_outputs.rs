//! The outputs of a CloudFormation stack.
//!
//! Enters: the name of a stack. Leaves: its outputs by key. Law: a stack that is not there is `NotFound`, and not a stack without
//! outputs.

use std::collections::BTreeMap;

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};

use super::{
    error::port_error,
    session::AwsSession,
    signed_request::{RequestParts, ServiceNames, SignedRequests},
};
use onlooker_core::ports::{PortError, PortErrorKind};

const DESCRIBE_STACKS: &str = "describe the stack (cloudformation:DescribeStacks)";

const CLOUDFORMATION: ServiceNames = ServiceNames {
    endpoint_variable: "cloudformation",
    endpoint_prefix: "cloudformation",
    signing_name: "cloudformation",
};

/// The outputs of the stack with this name in the region of the session, by key.
///
/// # Errors
/// If the call fails; `NotFound` if there is no such stack.
pub(super) fn stack_outputs(aws: &AwsSession, stack: &str) -> Result<BTreeMap<String, String>, PortError> {
    // AWS CloudFormation API Reference, DescribeStacks: version 2010-05-15, protocol Query.
    let form = format!("Action=DescribeStacks&Version=2010-05-15&StackName={}", form_encode(stack));
    let requests = SignedRequests::new(aws.clone());
    let body = requests.send(DESCRIBE_STACKS, Some(stack), CLOUDFORMATION, RequestParts::query(form));
    let body = body.map_err(|error| {
        // A stack that is not there is a ValidationError, like every invalid request.
        let said = error.cause.to_string();
        match said.contains("does not exist") {
            true => PortError { kind: PortErrorKind::NotFound, ..error },
            false => error,
        }
    })?;
    let unreadable = |said: String| port_error(DESCRIBE_STACKS, stack, PortErrorKind::Other, said);
    let text = std::str::from_utf8(&body).map_err(|error| unreadable(error.to_string()))?;
    read_outputs(text).map_err(|error| unreadable(error.to_string()))
}

/// Percent-encodes a form value. Letters, digits, `-`, `_`, `.` and `~` stay.
fn form_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Reads `DescribeStacksResponse/DescribeStacksResult/Stacks/member/Outputs/member`.
fn read_outputs(text: &str) -> Result<BTreeMap<String, String>, XmlDecodeError> {
    let mut document = Document::new(text);
    let mut root = document.root_element()?;
    let mut outputs = BTreeMap::new();
    descend(&mut root, &["DescribeStacksResult", "Stacks", "member", "Outputs"], &mut |list| {
        while let Some(mut member) = list.next_tag() {
            let (mut key, mut value) = (String::new(), String::new());
            while let Some(mut field) = member.next_tag() {
                let kept = match field.start_el().local() {
                    "OutputKey" => &mut key,
                    "OutputValue" => &mut value,
                    _ => continue,
                };
                *kept = try_data(&mut field)?.into_owned();
            }
            outputs.insert(key, value);
        }
        Ok(())
    })?;
    Ok(outputs)
}

/// Visits each element at this path.
fn descend(
    element: &mut ScopedDecoder<'_, '_>,
    path: &[&str],
    visit: &mut dyn FnMut(&mut ScopedDecoder<'_, '_>) -> Result<(), XmlDecodeError>,
) -> Result<(), XmlDecodeError> {
    let Some((name, rest)) = path.split_first() else { return visit(element) };
    while let Some(mut child) = element.next_tag() {
        if child.start_el().local() == *name {
            descend(&mut child, rest, visit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_by_their_keys() {
        let text = "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult>\
            <Stacks><member><StackName>onlooker</StackName><Parameters><member><ParameterKey>Bucket</ParameterKey>\
            <ParameterValue>no</ParameterValue></member></Parameters><Outputs><member><Description>d</Description>\
            <OutputKey>Bucket</OutputKey><OutputValue>a&amp;b</OutputValue></member><member><OutputValue>t</OutputValue>\
            <OutputKey>Table</OutputKey></member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>";
        let outputs = read_outputs(text).expect("XML");
        let pairs: Vec<(&str, &str)> = outputs.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(pairs, [("Bucket", "a&b"), ("Table", "t")]);
        assert!(
            read_outputs("<DescribeStacksResponse><DescribeStacksResult/></DescribeStacksResponse>")
                .expect("XML")
                .is_empty()
        );
        assert!(read_outputs("not XML").is_err());
        assert_eq!(form_encode("my stack/1"), "my%20stack%2F1");
    }
}
