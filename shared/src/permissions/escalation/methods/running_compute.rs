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
    )
    .runs_as(&["lambda"]),
    EscalationMethod::new(
        "update-function-configuration",
        &[&["lambda:UpdateFunctionConfiguration"]],
        "function",
        "add a layer or a startup setting to {} that runs the principal's code as the function's role",
    )
    .runs_as(&["lambda"]),
    EscalationMethod::new(
        "send-command",
        &[&["ssm:SendCommand"], &["ssm:CreateAssociation"], &["ssm:UpdateAssociation"]],
        "instance",
        "run commands on {} and read the credentials of the instance's role",
    )
    .runs_as(&["ec2", "ssm"]),
    EscalationMethod::new(
        "start-session",
        &[&["ssm:StartSession"], &["ssm:ResumeSession"]],
        "instance",
        "open a shell on {} and read the credentials of the instance's role",
    )
    .runs_as(&["ec2", "ssm"]),
    EscalationMethod::new(
        "start-automation",
        &[&["ssm:StartAutomationExecution"]],
        "automation",
        "start {}, which acts as the role that the automation document names",
    )
    .runs_as(&["ssm"]),
    EscalationMethod::new(
        "instance-connect",
        &[
            &["ec2-instance-connect:SendSSHPublicKey"],
            &["ec2-instance-connect:SendSerialConsoleSSHPublicKey"],
        ],
        "instance",
        "put an SSH key of the principal's choice on {}, sign in, and read the credentials of the instance's role",
    )
    .runs_as(&["ec2"]),
    EscalationMethod::new(
        "change-user-data",
        &[&["ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances"]],
        "instance",
        "stop {}, change the instance's user data, start the instance, and act as the instance's role",
    )
    .runs_as(&["ec2"]),
    EscalationMethod::new(
        "change-launch-template",
        // If instances start with the latest version, creating a version is enough.
        &[
            &["ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate"],
            &["ec2:CreateLaunchTemplateVersion"],
        ],
        "launch template",
        "change the user data of instances of {}, and act as the instances' role",
    )
    .runs_as(&["ec2"]),
    EscalationMethod::new(
        "ecs-execute-command",
        &[&["ecs:ExecuteCommand"]],
        "task",
        "run commands in {} and read the credentials of the task's role",
    )
    .runs_as(&["ecs-tasks"]),
    EscalationMethod::new(
        "ecs-run-task",
        &[&["ecs:RunTask"], &["ecs:StartTask"]],
        "task definition",
        "run {} with commands of the principal's choice as the task's role",
    )
    .runs_as(&["ecs-tasks"]),
    EscalationMethod::new(
        "batch-submit-job",
        &[&["batch:SubmitJob"]],
        "job definition",
        "run {} with commands of the principal's choice as the job's role",
    )
    .runs_as(&["ecs-tasks", "batch"]),
    EscalationMethod::new(
        "update-stack",
        &[
            &["cloudformation:UpdateStack"],
            &["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"],
            &["cloudformation:UpdateStackSet"],
        ],
        "stack",
        "change the template of {}, which CloudFormation deploys with the stack's service role",
    )
    .runs_as(&["cloudformation"]),
    EscalationMethod::new(
        "start-build",
        &[
            &["codebuild:StartBuild"],
            &["codebuild:StartBuildBatch"],
            &["codebuild:UpdateProject", "codebuild:StartBuild"],
        ],
        "project",
        "build {} with commands of the principal's choice as the project's role",
    )
    .runs_as(&["codebuild"]),
    EscalationMethod::new(
        "create-deployment",
        &[&["codedeploy:CreateDeployment"]],
        "deployment group",
        "deploy a revision with its own hooks to {}, and run as the role of its instances",
    )
    .runs_as(&["ec2", "ecs-tasks", "lambda"]),
    EscalationMethod::new(
        "update-app-runner-service",
        &[&["apprunner:UpdateService"]],
        "service",
        "replace the image or start command of {} and run as the service's role",
    )
    .runs_as(&["apprunner"]),
    EscalationMethod::new(
        "update-dev-endpoint",
        &[&["glue:UpdateDevEndpoint"]],
        "development endpoint",
        "put an SSH key of the principal's choice on {}, sign in, and act as the endpoint's role",
    )
    .runs_as(&["glue"]),
    EscalationMethod::new(
        "add-cluster-steps",
        &[&["elasticmapreduce:AddJobFlowSteps"]],
        "cluster",
        "run its own steps on {} as the role of its instances",
    )
    .runs_as(&["ec2", "elasticmapreduce"]),
    EscalationMethod::new(
        "glue-run-statement",
        &[&["glue:RunStatement"]],
        "session",
        "run code in {} as the Glue session's IAM role",
    )
    .runs_as(&["glue"]),
    EscalationMethod::new(
        "update-glue-job",
        &[&["glue:UpdateJob", "glue:StartJobRun"], &["glue:UpdateJob", "glue:CreateTrigger"]],
        "job",
        "replace the script of {} and run it as the job's role",
    )
    .runs_as(&["glue"]),
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
    )
    .runs_as(&["sagemaker"]),
    EscalationMethod::new(
        "open-airflow",
        &[&["airflow:CreateWebLoginToken"], &["airflow:CreateCliToken"]],
        "environment",
        "sign in to {} and run workflows as the environment's role",
    )
    .runs_as(&["airflow"]),
    EscalationMethod::new(
        "use-agentcore-session",
        &[
            &["bedrock-agentcore:StartCodeInterpreterSession", "bedrock-agentcore:InvokeCodeInterpreter"],
            &["bedrock-agentcore:InvokeAgentRuntimeCommand"],
            &["bedrock-agentcore:StartBrowserSession"],
        ],
        "interpreter, runtime or browser",
        "run code in {} and read the credentials of its role from inside",
    )
    .runs_as(&["bedrock-agentcore"]),
    EscalationMethod::new(
        "update-state-machine",
        &[&["states:UpdateStateMachine", "states:StartExecution"]],
        "state machine",
        "change the steps of {} and run them as its role",
    )
    .runs_as(&["states"]),
    EscalationMethod::new(
        "update-pipeline",
        &[&["codepipeline:UpdatePipeline", "codepipeline:StartPipelineExecution"]],
        "pipeline",
        "change the stages of {} and run them as its role",
    )
    .runs_as(&["codepipeline"]),
    EscalationMethod::new(
        "athena-spark-session",
        &[&["athena:StartSession", "athena:StartCalculationExecution"]],
        "workgroup",
        "run code in {} as the workgroup's execution role",
    )
    .runs_as(&["athena"]),
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
    )
    .runs_as(&["iot"]),
];
