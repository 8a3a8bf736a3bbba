//! Ways into what runs already as a role: its code, its shell, its sessions.
//!
//! Enters and leaves: a table.

use super::Method;

pub(super) const METHODS: &[Method] = &[
    Method::new(
        "update-function-code",
        &[&["lambda:UpdateFunctionCode"]],
        "function",
        "replace the code of {} and have it run as the function's role",
    ),
    Method::new(
        "update-function-configuration",
        &[&["lambda:UpdateFunctionConfiguration"]],
        "function",
        "add a layer or a start-up setting to {} that runs code of its own as the function's role",
    ),
    Method::new(
        "send-command",
        &[&["ssm:SendCommand"], &["ssm:CreateAssociation"], &["ssm:UpdateAssociation"]],
        "instance",
        "run commands on {} and read the credentials of the instance's role",
    ),
    Method::new(
        "start-session",
        &[&["ssm:StartSession"], &["ssm:ResumeSession"]],
        "instance",
        "open a shell on {} and read the credentials of the instance's role",
    ),
    Method::new(
        "start-automation",
        &[&["ssm:StartAutomationExecution"]],
        "automation",
        "start {}, which acts as the role its document names",
    ),
    Method::new(
        "instance-connect",
        &[
            &["ec2-instance-connect:SendSSHPublicKey"],
            &["ec2-instance-connect:SendSerialConsoleSSHPublicKey"],
        ],
        "instance",
        "put a key of its own on {}, sign in, and read the credentials of the instance's role",
    ),
    Method::new(
        "change-user-data",
        &[&["ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances"]],
        "instance",
        "stop {}, change what it runs at its start, start it, and act as the instance's role",
    ),
    Method::new(
        "change-launch-template",
        // Where the newest version is the one that is started, a new one is enough.
        &[
            &["ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate"],
            &["ec2:CreateLaunchTemplateVersion"],
        ],
        "launch template",
        "change what instances of {} run at their start, and act as their role",
    ),
    Method::new(
        "ecs-execute-command",
        &[&["ecs:ExecuteCommand"]],
        "task",
        "run commands in {} and read the credentials of the task's role",
    ),
    Method::new(
        "ecs-run-task",
        &[&["ecs:RunTask"], &["ecs:StartTask"]],
        "task definition",
        "run {} with commands of its own in place of the task's, as the task's role",
    ),
    Method::new(
        "batch-submit-job",
        &[&["batch:SubmitJob"]],
        "job definition",
        "run {} with commands of its own in place of the job's, as the job's role",
    ),
    Method::new(
        "update-stack",
        &[
            &["cloudformation:UpdateStack"],
            &["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"],
            &["cloudformation:UpdateStackSet"],
        ],
        "stack",
        "change the template of {}, and have it carried out by the role the stack has already",
    ),
    Method::new(
        "start-build",
        &[
            &["codebuild:StartBuild"],
            &["codebuild:StartBuildBatch"],
            &["codebuild:UpdateProject", "codebuild:StartBuild"],
        ],
        "project",
        "build {} with commands of its own in place of the project's, as the project's role",
    ),
    Method::new(
        "create-deployment",
        &[&["codedeploy:CreateDeployment"]],
        "deployment group",
        "deploy a revision with hooks of its own to {}, and run as the role of its instances",
    ),
    Method::new(
        "update-app-runner-service",
        &[&["apprunner:UpdateService"]],
        "service",
        "replace the image or start command of {} and run as the service's role",
    ),
    Method::new(
        "update-dev-endpoint",
        &[&["glue:UpdateDevEndpoint"]],
        "development endpoint",
        "put a key of its own on {}, sign in, and act as the endpoint's role",
    ),
    Method::new(
        "add-cluster-steps",
        &[&["elasticmapreduce:AddJobFlowSteps"]],
        "cluster",
        "run steps of its own on {} as the role of its instances",
    ),
    Method::new(
        "glue-run-statement",
        &[&["glue:RunStatement"]],
        "session",
        "run code in {} as the session's role",
    ),
    Method::new(
        "update-glue-job",
        &[&["glue:UpdateJob", "glue:StartJobRun"], &["glue:UpdateJob", "glue:CreateTrigger"]],
        "job",
        "replace the script of {} and run it as the job's role",
    ),
    Method::new(
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
    Method::new(
        "open-airflow",
        &[&["airflow:CreateWebLoginToken"], &["airflow:CreateCliToken"]],
        "environment",
        "sign in to {} and run workflows as the environment's role",
    ),
    Method::new(
        "use-agentcore-session",
        &[
            &["bedrock-agentcore:StartCodeInterpreterSession", "bedrock-agentcore:InvokeCodeInterpreter"],
            &["bedrock-agentcore:InvokeAgentRuntimeCommand"],
            &["bedrock-agentcore:StartBrowserSession"],
        ],
        "interpreter, runtime or browser",
        "run code in {} and read the credentials of its role from inside",
    ),
    Method::new(
        "update-state-machine",
        &[&["states:UpdateStateMachine", "states:StartExecution"]],
        "state machine",
        "change the steps of {} and have them carried out as its role",
    ),
    Method::new(
        "update-pipeline",
        &[&["codepipeline:UpdatePipeline", "codepipeline:StartPipelineExecution"]],
        "pipeline",
        "change the stages of {} and have them carried out as its role",
    ),
    Method::new(
        "athena-spark-session",
        &[&["athena:StartSession", "athena:StartCalculationExecution"]],
        "workgroup",
        "run code in {} as the workgroup's execution role",
    ),
    Method::new(
        "lightsail-access",
        &[&["lightsail:GetInstanceAccessDetails"], &["lightsail:DownloadDefaultKeyPair"]],
        "instance",
        "take the keys of {} and sign in to it",
    ),
    Method::new(
        "iot-topic-rule",
        &[&["iot:ReplaceTopicRule"]],
        "topic rule",
        "change what {} does with the role it has",
    ),
];
