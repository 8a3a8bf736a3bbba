//! Methods that take over running compute with a role: its code, its shell, its sessions.
//!
//! Enters: nothing. Leaves: a table of methods.

use super::EscalationMethod;

pub(super) const METHODS: &[EscalationMethod] = &[
    EscalationMethod::new(
        "update-function-code",
        &[&["lambda:UpdateFunctionCode"]],
        "function",
        "replace the code of {} and run the new code as the function's role",
    ),
    EscalationMethod::new(
        "update-function-configuration",
        &[&["lambda:UpdateFunctionConfiguration"]],
        "function",
        "add a layer or a startup setting to {} that runs the principal's code as the function's role",
    ),
    EscalationMethod::new(
        "send-command",
        &[&["ssm:SendCommand"], &["ssm:CreateAssociation"], &["ssm:UpdateAssociation"]],
        "instance",
        "run commands on {} and read the credentials of the instance's role",
    ),
    EscalationMethod::new(
        "start-session",
        &[&["ssm:StartSession"], &["ssm:ResumeSession"]],
        "instance",
        "open a shell on {} and read the credentials of the instance's role",
    ),
    EscalationMethod::new(
        "start-automation",
        &[&["ssm:StartAutomationExecution"]],
        "automation",
        "start {}, which acts as the role that the automation document names",
    ),
    EscalationMethod::new(
        "instance-connect",
        &[
            &["ec2-instance-connect:SendSSHPublicKey"],
            &["ec2-instance-connect:SendSerialConsoleSSHPublicKey"],
        ],
        "instance",
        "put an SSH key of the principal's choice on {}, sign in, and read the credentials of the instance's role",
    ),
    EscalationMethod::new(
        "change-user-data",
        &[&["ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances"]],
        "instance",
        "stop {}, change the instance's user data, start the instance, and act as the instance's role",
    ),
    EscalationMethod::new(
        "change-launch-template",
        // If instances start with the latest version, creating a version is enough.
        &[
            &["ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate"],
            &["ec2:CreateLaunchTemplateVersion"],
        ],
        "launch template",
        "change the user data of instances of {}, and act as the instances' role",
    ),
    EscalationMethod::new(
        "ecs-execute-command",
        &[&["ecs:ExecuteCommand"]],
        "task",
        "run commands in {} and read the credentials of the task's role",
    ),
    EscalationMethod::new(
        "ecs-run-task",
        &[&["ecs:RunTask"], &["ecs:StartTask"]],
        "task definition",
        "run {} with commands of the principal's choice as the task's role",
    ),
    EscalationMethod::new(
        "batch-submit-job",
        &[&["batch:SubmitJob"]],
        "job definition",
        "run {} with commands of the principal's choice as the job's role",
    ),
    EscalationMethod::new(
        "update-stack",
        &[
            &["cloudformation:UpdateStack"],
            &["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"],
            &["cloudformation:UpdateStackSet"],
        ],
        "stack",
        "change the template of {}, which CloudFormation deploys with the stack's service role",
    ),
    EscalationMethod::new(
        "start-build",
        &[
            &["codebuild:StartBuild"],
            &["codebuild:StartBuildBatch"],
            &["codebuild:UpdateProject", "codebuild:StartBuild"],
        ],
        "project",
        "build {} with commands of the principal's choice as the project's role",
    ),
    EscalationMethod::new(
        "create-deployment",
        &[&["codedeploy:CreateDeployment"]],
        "deployment group",
        "deploy a revision with its own hooks to {}, and run as the role of its instances",
    ),
    EscalationMethod::new(
        "update-app-runner-service",
        &[&["apprunner:UpdateService"]],
        "service",
        "replace the image or start command of {} and run as the service's role",
    ),
    EscalationMethod::new(
        "update-dev-endpoint",
        &[&["glue:UpdateDevEndpoint"]],
        "development endpoint",
        "put an SSH key of the principal's choice on {}, sign in, and act as the endpoint's role",
    ),
    EscalationMethod::new(
        "add-cluster-steps",
        &[&["elasticmapreduce:AddJobFlowSteps"]],
        "cluster",
        "run its own steps on {} as the role of its instances",
    ),
    EscalationMethod::new(
        "glue-run-statement",
        &[&["glue:RunStatement"]],
        "session",
        "run code in {} as the Glue session's IAM role",
    ),
    EscalationMethod::new(
        "update-glue-job",
        &[&["glue:UpdateJob", "glue:StartJobRun"], &["glue:UpdateJob", "glue:CreateTrigger"]],
        "job",
        "replace the script of {} and run it as the job's role",
    ),
    EscalationMethod::new(
        "open-notebook",
        &[
            &["sagemaker:CreatePresignedNotebookInstanceUrl"],
            &["sagemaker:CreatePresignedDomainUrl"],
            &[
                "sagemaker:UpdateNotebookInstance",
                "sagemaker:CreateNotebookInstanceLifecycleConfig",
                "sagemaker:StopNotebookInstance",
                "sagemaker:StartNotebookInstance",
            ],
        ],
        "notebook",
        "open {} and run code as the notebook's role",
    ),
    EscalationMethod::new(
        "open-airflow",
        &[&["airflow:CreateWebLoginToken"], &["airflow:CreateCliToken"]],
        "environment",
        "sign in to {} and run workflows as the environment's role",
    ),
    EscalationMethod::new(
        "use-agentcore-session",
        &[
            &["bedrock-agentcore:StartCodeInterpreterSession", "bedrock-agentcore:InvokeCodeInterpreter"],
            &["bedrock-agentcore:InvokeAgentRuntimeCommand"],
            &["bedrock-agentcore:StartBrowserSession"],
        ],
        "interpreter, runtime or browser",
        "run code in {} and read the credentials of its role from inside",
    ),
    EscalationMethod::new(
        "update-state-machine",
        &[&["states:UpdateStateMachine", "states:StartExecution"]],
        "state machine",
        "change the steps of {} and run them as its role",
    ),
    EscalationMethod::new(
        "update-pipeline",
        &[&["codepipeline:UpdatePipeline", "codepipeline:StartPipelineExecution"]],
        "pipeline",
        "change the stages of {} and run them as its role",
    ),
    EscalationMethod::new(
        "athena-spark-session",
        &[&["athena:StartSession", "athena:StartCalculationExecution"]],
        "workgroup",
        "run code in {} as the workgroup's execution role",
    ),
    EscalationMethod::new(
        "lightsail-access",
        &[&["lightsail:GetInstanceAccessDetails"], &["lightsail:DownloadDefaultKeyPair"]],
        "instance",
        "get the access keys of {} and sign in to it",
    ),
    EscalationMethod::new(
        "iot-topic-rule",
        &[&["iot:ReplaceTopicRule"]],
        "topic rule",
        "change the actions of {}, which run as its role",
    ),
];
