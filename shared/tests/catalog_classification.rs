//! The project's own labeled cases.
//!
//! Enters: calls in every spelling. Leaves: nothing. Law: each call gets the classification written beside it, and a
//! name that only resembles a known one stays unknown.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may panic")]

use onlooker_core::catalog::Catalog;
use onlooker_core::classification::{
    Classification, ClassificationInput, Provenance, classify, classify_record, risk_level_of,
};
use onlooker_core::operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel};

fn classify_named(service: &str, operation: &str) -> Classification {
    classify(Catalog::embedded(), &ClassificationInput::new(service, operation))
}

/// `service operation classification mutates risk capabilities`, with `-` for no capability other than `mutate`.
const CASES: &str = "
    s3 ListBuckets read_only no LOW -
    s3 ListAllMyBuckets read_only no LOW -
    s3 GetObject read_only no MEDIUM read_data
    s3 get_object read_only no MEDIUM read_data
    s3 get-object read_only no MEDIUM read_data
    s3 HeadObject read_only no MEDIUM read_data
    s3.amazonaws.com GetBucketPublicAccessBlock read_only no LOW -
    s3.amazonaws.com ListObjectsV2 read_only no LOW -
    s3.amazonaws.com PutObject mutating yes HIGH -
    s3.amazonaws.com.cn PutObject mutating yes HIGH -
    s3 DeleteBucket mutating yes HIGH -
    s3 PutBucketPolicy mutating yes CRITICAL expose_resource
    s3 PutBucketAcl mutating yes CRITICAL expose_resource
    s3control PutPublicAccessBlock mutating yes CRITICAL expose_resource
    s3 PutBucketTagging mutating yes HIGH -
    s3express CreateSession privileged yes CRITICAL issue_credentials
    ec2 DescribeInstances read_only no LOW -
    ec2 describe_instances read_only no LOW -
    ec2 describe-instances read_only no LOW -
    EC2 DESCRIBEINSTANCES read_only no LOW -
    ec2.amazonaws.com DescribeInstances read_only no LOW -
    ec2 RunInstances mutating yes HIGH run_code+incur_cost
    ec2 TerminateInstances mutating yes HIGH -
    ec2 CreateTags mutating yes HIGH -
    ec2 GetPasswordData read_only no HIGH read_secrets
    ec2 GetConsoleOutput read_only no MEDIUM read_data
    ec2 DescribeInstanceAttribute read_only no MEDIUM read_data
    ec2 ModifySnapshotAttribute mutating yes CRITICAL expose_resource
    ec2 ModifyImageAttribute mutating yes CRITICAL expose_resource
    ec2 AuthorizeSecurityGroupIngress mutating yes CRITICAL expose_resource
    ec2 StartDeclarativePoliciesReport mutating yes HIGH -
    iam ListUsers read_only no LOW -
    iam GetRole read_only no LOW -
    iam GenerateCredentialReport read_only no LOW -
    iam SimulatePrincipalPolicy read_only no LOW -
    iam CreateUser mutating yes CRITICAL -
    iam CreateAccessKey mutating yes CRITICAL issue_credentials+privilege_escalation
    iam PassRole mutating yes CRITICAL privilege_escalation
    iam AttachRolePolicy mutating yes CRITICAL privilege_escalation
    iam DeleteRolePermissionsBoundary mutating yes CRITICAL privilege_escalation
    iam UpdateAssumeRolePolicy mutating yes CRITICAL expose_resource+privilege_escalation
    sts GetCallerIdentity read_only no LOW -
    sts AssumeRole privileged no CRITICAL issue_credentials
    sts.amazonaws.com AssumeRole privileged no CRITICAL issue_credentials
    sts AssumeRoleWithWebIdentity privileged no CRITICAL issue_credentials
    sts AssumeRoleWithSAML privileged no CRITICAL issue_credentials
    sts assume_role_with_saml privileged no CRITICAL issue_credentials
    sts AssumeRoot privileged no CRITICAL issue_credentials+privilege_escalation
    sts GetSessionToken privileged yes CRITICAL issue_credentials
    sts GetFederationToken privileged yes CRITICAL issue_credentials
    sts DecodeAuthorizationMessage privileged no HIGH -
    kms Decrypt privileged no HIGH read_data
    kms Encrypt privileged no HIGH -
    kms GenerateDataKey privileged no HIGH -
    kms GenerateDataKeyPairWithoutPlaintext privileged no HIGH -
    kms ReEncrypt privileged no HIGH -
    kms Sign privileged no HIGH -
    kms DescribeKey read_only no LOW -
    kms ScheduleKeyDeletion mutating yes HIGH -
    kms PutKeyPolicy mutating yes CRITICAL expose_resource
    kms CreateGrant mutating yes CRITICAL expose_resource
    ses SendEmail mutating yes HIGH -
    ses.amazonaws.com SendEmail mutating yes HIGH -
    cognito-identity GetCredentialsForIdentity privileged yes CRITICAL issue_credentials
    cognito-identity GetOpenIdToken privileged yes CRITICAL issue_credentials
    cognito-idp GetTokensFromRefreshToken privileged yes CRITICAL issue_credentials
    cognito-idp ListUsers read_only no MEDIUM read_data
    athena GetSessionEndpoint privileged yes CRITICAL issue_credentials
    athena StartQueryExecution mutating yes HIGH incur_cost
    athena GetQueryResults read_only no MEDIUM read_data
    ivs ImportPublicKey mutating yes HIGH -
    deadline AssumeQueueRoleForUser privileged yes CRITICAL issue_credentials
    iot ConfirmTopicRuleDestination mutating yes HIGH -
    iot ListSubscriptions read_only no LOW -
    cloudtrail StartQuery mutating yes HIGH -
    cloudtrail StopLogging mutating yes HIGH -
    cloudtrail LookupEvents read_only no MEDIUM read_data
    rds-data ExecuteStatement mutating yes HIGH -
    rds-data BatchExecuteStatement mutating yes HIGH -
    redshift-data ExecuteStatement mutating yes HIGH -
    dynamodb ExecuteStatement mutating yes HIGH read_data
    dynamodb GetItem read_only no MEDIUM read_data
    dynamodb PutItem mutating yes HIGH -
    dynamodb DescribeTable read_only no LOW -
    logs StartQuery read_only no MEDIUM read_data
    logs StopQuery read_only no LOW -
    logs PutRetentionPolicy mutating yes HIGH -
    xray StartTraceRetrieval read_only no LOW -
    bedrock InvokeModel read_only no MEDIUM incur_cost
    bedrock-runtime Converse read_only no MEDIUM incur_cost
    bedrock.amazonaws.com ConverseStream read_only no MEDIUM incur_cost
    bedrock-agent-runtime InvokeAgent mutating yes HIGH run_code+incur_cost
    sagemaker InvokeEndpoint read_only no MEDIUM incur_cost
    sagemaker-runtime invoke_endpoint_async mutating yes HIGH incur_cost
    secretsmanager GetSecretValue read_only no HIGH read_data+read_secrets
    secretsmanager ListSecrets read_only no LOW -
    secretsmanager ValidateResourcePolicy read_only no LOW -
    ssm GetParameter read_only no HIGH read_data+read_secrets
    ssm DescribeParameters read_only no LOW -
    ssm SendCommand mutating yes HIGH run_code
    ssm StartSession mutating yes HIGH run_code
    ssm GetAccessToken privileged yes CRITICAL issue_credentials
    license-manager GetAccessToken privileged no CRITICAL issue_credentials
    gamelift GetComputeAuthToken privileged no CRITICAL issue_credentials
    gamelift GetPlayerConnectionDetails read_only no HIGH read_secrets
    glue GetSessionEndpoint privileged no CRITICAL issue_credentials
    emr-serverless GetSessionEndpoint privileged no CRITICAL issue_credentials
    bedrock-agentcore GetResourceOauth2Token privileged no CRITICAL issue_credentials
    amplifybackend GetToken read_only no HIGH read_secrets
    quicksight GetSessionEmbedUrl privileged no CRITICAL issue_credentials
    quicksight GetDashboardEmbedUrl read_only no HIGH read_secrets
    m2 GetSignedBluinsightsUrl read_only no HIGH read_secrets
    wickr GetOidcInfo read_only no HIGH read_secrets
    glue GetJob read_only no LOW -
    ecr GetAuthorizationToken read_only no HIGH read_secrets
    codeartifact GetAuthorizationToken read_only no HIGH read_secrets
    lambda ListFunctions20150331 read_only no LOW -
    lambda.amazonaws.com UpdateFunctionCode20150331v2 mutating yes CRITICAL run_code+privilege_escalation
    cloudfront CreateFunction2020_05_31 mutating yes HIGH -
    cloudfront.amazonaws.com GetDistribution2020_05_31 read_only no LOW -
    cloudfront list_distributions2020_05_31 read_only no LOW -
    lambda GetFunction20150331v2 read_only no MEDIUM read_data
    lambda Invoke mutating yes HIGH run_code
    lambda InvokeFunction mutating yes HIGH run_code
    lambda AddPermission mutating yes CRITICAL expose_resource
    monitoring.amazonaws.com PutMetricAlarm mutating yes HIGH -
    monitoring PutMetricAlarm mutating yes HIGH -
    cloudwatch DescribeAlarms read_only no LOW -
    tagging.amazonaws.com GetResources read_only no LOW -
    tag TagResources mutating yes HIGH -
    agreement-marketplace.amazonaws.com AcceptAgreementRequest mutating yes HIGH incur_cost
    autoscaling.amazonaws.com RegisterScalableTarget mutating yes HIGH -
    autoscaling.amazonaws.com DescribeScalingActivities read_only no LOW -
    elbv2 DescribeTargetGroups read_only no LOW -
    elasticloadbalancing.amazonaws.com CreateLoadBalancer mutating yes HIGH -
    apigateway GetRestApis read_only no LOW -
    apigateway DeleteRestApi mutating yes HIGH -
    apigatewaymanagementapi GetConnection mutating yes HIGH -
    execute-api GetConnection mutating yes HIGH -
    neptunedata ExecuteOpenCypherQuery mutating yes HIGH read_data
    keyspaces ListTables read_only no MEDIUM read_data
    sqs SendMessageBatch mutating yes HIGH -
    sqs ReceiveMessage read_only no MEDIUM read_data
    glue GetQuery read_only no LOW -
    quicksight DescribeDashboardPermissions read_only no LOW -
    route53globalresolver ListTagsForResource read_only no LOW -
    lightsail DownloadDefaultKeyPair privileged yes CRITICAL read_data+issue_credentials
    sso GetRoleCredentials privileged yes CRITICAL issue_credentials
    ecs ExecuteCommand mutating yes HIGH run_code
    ecs RunTask mutating yes HIGH run_code
    ce GetCostAndUsage read_only no LOW -
    cloudshell.amazonaws.com SendHeartBeat mutating yes HIGH -
    cloudshell.amazonaws.com RedeemCode mutating yes HIGH run_code
    cloudshell.amazonaws.com DeleteSession mutating yes HIGH -
    cloudshell.amazonaws.com GetLayout read_only no LOW -
    billingconsole.amazonaws.com AWSPaymentPortalService.GetPaymentsDue read_only no LOW -
    billingconsole.amazonaws.com AWSPaymentPreferenceGateway.Get read_only no LOW -
    billingconsole.amazonaws.com GetBillingNotifications read_only no LOW -
    billingconsole.amazonaws.com GetTaxInvoicesMetadata read_only no LOW -
    billingconsole.amazonaws.com SetContactAddress mutating yes HIGH -
    billingconsole.amazonaws.com UpdatePaymentPreferences mutating yes HIGH -
    payments.amazonaws.com Preferences_GetPreferredCurrency read_only no LOW -
    payments.amazonaws.com Preferences_UpdatePaymentProfile mutating yes HIGH -
    trustedadvisor.amazonaws.com GetExcelReport read_only no LOW -
    taxconsole.amazonaws.com GetTaxExemptionTypes read_only no LOW -
    organizations LeaveOrganization mutating yes HIGH -
";

#[test]
fn each_labeled_call_gets_its_classification() {
    let mut wrong = Vec::new();
    let mut cases = 0;
    for line in CASES.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [service, operation, kind, mutates, risk, capabilities] = words.as_slice() else { continue };
        cases += 1;
        let classification = classify_named(service, operation);
        let names: Vec<&str> = classification.capabilities.difference(Capabilities::MUTATE).names().collect();
        let names = if names.is_empty() { "-".to_owned() } else { names.join("+") };
        let found = format!(
            "{} {} {} {names}",
            classification.operation_type, classification.mutates, classification.risk_level
        );
        if found != format!("{kind} {mutates} {risk} {capabilities}") {
            wrong.push(format!("{line}\n    found {found}"));
        }
        assert_eq!(classification.provenance, Provenance::Catalog, "{line}");
        assert_eq!(classification.is_read_only(), classification.operation_type == OperationType::ReadOnly);
        assert_eq!(
            classification.capabilities.contains(Capabilities::MUTATE),
            classification.mutates == Mutates::Yes
        );
    }
    assert!(cases >= 120, "{cases}");
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn all_spellings_of_a_name_are_one_operation() {
    for spelling in
        ["DescribeDBInstances", "describe_db_instances", "describe-db-instances", "describedbinstances"]
    {
        for service in ["rds", "RDS", "rds.amazonaws.com", "neptune", "docdb", "rds.amazonaws.com.cn"] {
            let classification = classify_named(service, spelling);
            assert_eq!(
                (classification.service.as_str(), classification.operation.as_str()),
                ("rds", "DescribeDBInstances")
            );
        }
    }
}

#[test]
fn source_conflicts_are_kept() {
    for (service, name) in
        [("kms", "Encrypt"), ("sts", "AssumeRole"), ("ses", "SendEmail"), ("ivs", "ImportPublicKey")]
    {
        assert!(classify_named(service, name).source_conflict, "{service}:{name}");
    }
    assert!(!classify_named("ec2", "DescribeInstances").source_conflict);
}

#[test]
fn an_event_that_is_not_an_api_call_is_not_scored() {
    for (service, name) in [
        ("signin.amazonaws.com", "ConsoleLogin"),
        ("kms.amazonaws.com", "RotateKey"),
        ("secretsmanager.amazonaws.com", "EndSecretVersionDelete"),
        ("ec2.amazonaws.com", "SharedSnapshotVolumeCreated"),
    ] {
        let classification = classify_named(service, name);
        assert_eq!(classification.provenance, Provenance::NonApiEvent, "{service}:{name}");
        assert!(!classification.is_scored() && !classification.is_read_only());
    }
}

#[test]
fn records_of_the_sign_in_service_are_sign_ins_unless_they_are_calls_of_its_api() {
    let classify = |service: &str, operation: &str, read_only| {
        let call = ClassificationInput { service, operation, read_only };
        classify_record(Catalog::embedded(), &call, true)
    };
    for name in ["CreateOAuth2Token", "AuthorizeOAuth2Access", "Authenticate", "ConsoleLogin", "NewLogin"] {
        for read_only in [Some(false), Some(true), None] {
            for service in ["signin.amazonaws.com", "signin.amazonaws.com.cn"] {
                let found = classify(service, name, read_only);
                assert_eq!(found.provenance, Provenance::NonApiEvent, "{service} {name} {read_only:?}");
            }
        }
    }
    // These change the credentials of the root user for good.
    for name in ["PasswordUpdated", "PasswordRecoveryCompleted", "EmailUpdated"] {
        for read_only in [Some(false), Some(true), None] {
            let found = classify("signin.amazonaws.com", name, read_only);
            assert_eq!(found.operation_type, OperationType::Mutating, "{name} {read_only:?}");
        }
    }
    assert_eq!(
        classify("signin.amazonaws.com", "PasswordRecoveryRequested", None).provenance,
        Provenance::NonApiEvent
    );
    for name in ["PutConsoleAuthorizationConfiguration", "DeleteSomethingNew"] {
        let found = classify("signin.amazonaws.com", name, Some(false));
        assert_eq!(found.operation_type, OperationType::Mutating, "{name}");
    }
    assert_eq!(classify("sts.amazonaws.com", "AssumeRole", Some(true)).provenance, Provenance::Catalog);
}

#[test]
fn a_batch_of_reads_outside_the_catalog_reads_and_any_other_batch_may_write() {
    for (service, name, kind) in [
        ("glue.amazonaws.com", "BatchGetNewThings", OperationType::ReadOnly),
        ("glue.amazonaws.com", "BatchDescribeNewThings", OperationType::ReadOnly),
        ("glue.amazonaws.com", "BatchListNewThings", OperationType::ReadOnly),
        ("glue.amazonaws.com", "BatchCheckNewThings", OperationType::ReadOnly),
        ("glue.amazonaws.com", "BatchStopNewThings", OperationType::Unknown),
        ("glue.amazonaws.com", "BatchGetaway", OperationType::Unknown),
        ("newservice.amazonaws.com", "BatchCheckNewThings", OperationType::ReadOnly),
        ("newservice.amazonaws.com", "BatchStopNewThings", OperationType::Unknown),
        ("glue.amazonaws.com", "BatchGetCredentials", OperationType::Unknown),
    ] {
        let call = ClassificationInput { service, operation: name, read_only: Some(true) };
        let found = classify_record(Catalog::embedded(), &call, true);
        assert_eq!(found.operation_type, kind, "{service} {name}: {}", found.reason);
    }
}

#[test]
fn a_name_similar_to_a_known_one_stays_unknown() {
    for (service, name) in [
        ("s3", "Get Object"),
        ("s3", "Get\u{200b}Object"),
        ("s3", "GetObject\0"),
        ("s3", "GetObject\n"),
        ("s3", "GetObject.Delete"),
        ("s3", "\u{ff27}etObject"),
        ("s3", "Get\u{041e}bject"),
        ("s3", "Get*"),
        ("s3", "GetObject/../PutObject"),
        ("s3", "GetObject;PutObject"),
        ("s3\u{200b}", "PutObject"),
        ("s3.amazonaws.com.evil.example", "PutObject"),
        ("@s3", "PutObject"),
        ("s3", ""),
        ("", "GetObject"),
        ("s3", "___"),
        ("s3", "ListFunctions20159931"),
        ("ec2", "20150331"),
        ("s3", "s3:GetObject"),
    ] {
        assert_eq!(Catalog::embedded().lookup(service, name), None, "{service} {name:?}");
        let classification = classify_named(service, name);
        assert!(
            !classification.is_read_only() || classification.provenance == Provenance::Pattern,
            "{service} {name:?}"
        );
    }
    let long = "GetObject".repeat(100_000);
    assert_eq!(classify_named("s3", &long).operation_type, OperationType::Unknown);
}

#[test]
fn names_with_additions_are_never_read_only() {
    for name in
        ["Get Object", "Get\u{200b}Thing", "List\u{e9}", "Describe;Delete", "Get:Thing", "\u{202e}GetThing"]
    {
        assert_eq!(
            classify_named("brand-new-service", name).operation_type,
            OperationType::Unknown,
            "{name:?}"
        );
    }
}

#[test]
fn an_unknown_operation_is_classified_by_its_verb_only() {
    for (name, valid) in [
        ("GetThing", true),
        ("ListThings", true),
        ("DescribeThing", true),
        ("BatchGetThings", true),
        ("get_thing", true),
        ("list-things", true),
        ("GetThingCredentials", false),
        ("GetCredential", false),
        ("GetBearerToken", false),
        ("ListTokens", false),
        ("GetPassword", false),
        ("GetClientSecret", false),
        ("GetSecretV2", false),
        ("get_session_token", false),
        ("GetToken20240131", false),
        ("Getaway", false),
        ("Listen", false),
        ("DescribedThing", false),
        ("CreateThing", false),
        ("SearchThings", false),
        ("AssumeThing", false),
        ("X", false),
    ] {
        let classification = classify_named("brand-new-service", name);
        assert_eq!(classification.is_read_only(), valid, "{name}");
        assert_eq!(
            classification.provenance,
            if valid { Provenance::Pattern } else { Provenance::None },
            "{name}"
        );
        if !valid {
            assert_eq!(
                (classification.mutates, classification.risk_level),
                (Mutates::Unknown, RiskLevel::High),
                "{name}"
            );
        }
    }
}

#[test]
fn the_read_only_flag_decides_only_for_unknown_operations() {
    let flagged_in = |service, operation, read_only| {
        let call = ClassificationInput { service, operation, read_only: Some(read_only) };
        let classification = classify(Catalog::embedded(), &call);
        (classification.operation_type, classification.mutates, classification.provenance)
    };
    let flagged = |operation, read_only| flagged_in("brand-new-service", operation, read_only);
    use OperationType::{Mutating, ReadOnly, Unknown};
    // Of an unknown service the name must read too; of a known one it must begin like a read of the catalog.
    assert_eq!(flagged("SearchThing", true), (ReadOnly, Mutates::No, Provenance::RecordFlag));
    assert_eq!(flagged("ExploreThing", true), (Unknown, Mutates::No, Provenance::RecordFlag));
    assert_eq!(flagged_in("s3", "EstimateThing", true), (ReadOnly, Mutates::No, Provenance::RecordFlag));
    for name in ["ExploreThing", "QuarantineThing", "FreezeThing", "freeze_thing", "frobnicate", "X"] {
        assert_eq!(flagged_in("s3", name, true), (Unknown, Mutates::No, Provenance::RecordFlag), "{name}");
    }
    for name in ["DeleteThing", "RevokeThing", "terminate_thing", "PutThing", "CopyThing"] {
        for service in ["s3", "brand-new-service"] {
            assert_eq!(flagged_in(service, name, true).0, Unknown, "{service}:{name}");
        }
    }
    // Operations of AWS begin with these verbs, and no read does.
    for name in [
        "RestartThing",
        "PatchThing",
        "MigrateThing",
        "RenameThing",
        "PromoteThing",
        "ReEncryptThing",
        "FailoverThing",
        "ShareThing",
        "RetireThing",
        "WithdrawThing",
        "LockThing",
        "PauseThing",
        "RollbackThing",
        "SwitchoverThing",
        "SignalThing",
        "restart_thing",
        "promotething",
        "UpsertThing",
        "KillThing",
    ] {
        assert_eq!(flagged_in("s3", name, true).0, Unknown, "{name}");
    }
    // The verb may follow the name of a group.
    for (name, kind) in [("Preferences_UpdateThing", Unknown), ("Preferences_GetThing", ReadOnly)] {
        assert_eq!(flagged_in("payments", name, true).0, kind, "{name}");
    }
    let console = "billingconsole.amazonaws.com";
    assert_eq!(flagged_in(console, "AWSPaymentPortalService.GetNewThing", true).0, ReadOnly);
    assert_eq!(flagged_in(console, "AWSPaymentPortalService.UpdateNewThing", true).0, Unknown);
    assert_eq!(flagged_in("s3", "AWSPaymentPortalService.GetNewThing", true).0, Unknown);
    for name in ["ValidateThing", "QueryThing", "ReadThing", "readthing", "SelectThing", "VerifyThing"] {
        assert_eq!(flagged_in("s3", name, true).0, ReadOnly, "{name}");
    }
    assert_eq!(flagged("ExploreThing", false), (Mutating, Mutates::Yes, Provenance::RecordFlag));
    assert_eq!(flagged("GetThing", false), (Mutating, Mutates::Yes, Provenance::RecordFlag));
    assert_eq!(flagged("GetThingToken", true), (Unknown, Mutates::No, Provenance::RecordFlag));
    assert_eq!(flagged("AssumeThing", true), (Unknown, Mutates::No, Provenance::RecordFlag));
    assert_eq!(flagged("Explore Thing", true), (Unknown, Mutates::No, Provenance::RecordFlag));
    let known = ClassificationInput { service: "s3", operation: "PutObject", read_only: Some(true) };
    assert_eq!(classify(Catalog::embedded(), &known).operation_type, Mutating);
}

#[test]
fn risk_never_falls_with_more_capabilities() {
    use AccessLevel::{List, PermissionsManagement, Read, Tagging, Write};
    use OperationType::{Mutating, Privileged, ReadOnly, Unknown};
    let levels = [None, Some(List), Some(Read), Some(Tagging), Some(Write), Some(PermissionsManagement)];
    for bits in 0..=u8::MAX {
        let carried = Capabilities::from_bits_retain(bits);
        for kind in [ReadOnly, Privileged, Unknown, Mutating] {
            for pair in levels.windows(2) {
                let [lower, higher] = pair else { panic!("windows of two") };
                assert!(risk_level_of(*lower, kind, carried) <= risk_level_of(*higher, kind, carried));
            }
            for more in Capabilities::all().iter() {
                for level in levels {
                    assert!(
                        risk_level_of(level, kind, carried) <= risk_level_of(level, kind, carried | more)
                    );
                    assert!(risk_level_of(level, ReadOnly, carried) <= risk_level_of(level, kind, carried));
                }
            }
        }
    }
}

#[test]
fn an_override_names_its_owner_and_hides_nothing() {
    let before = classify_named("kms", "Decrypt");
    let allowed = before.clone().allowed("ticket 7, until May");
    assert!(allowed.is_permitted() && !allowed.is_read_only() && !before.is_permitted());
    assert_eq!(allowed.reason, format!("{}; allowed by an override: ticket 7, until May", before.reason));
    let (provenance, reason) = (before.provenance, before.reason.clone());
    assert_eq!(allowed.provenance, Provenance::Override);
    assert_eq!(Classification { provenance, reason, ..allowed }, before, "nothing else changes");
}
