//! Methods that pass a role to a service that acts or runs code as that role.
//!
//! Enters: nothing. Leaves: a table of methods.

use super::EscalationMethod;

pub(super) const METHODS: &[EscalationMethod] = &[
    EscalationMethod::pass_role(
        "pass-role-to-amplify",
        &["amplify"],
        &[
            &["iam:PassRole", "amplify:CreateApp", "amplify:CreateBranch", "amplify:StartJob"],
            &["iam:PassRole", "amplify:UpdateApp", "amplify:StartJob"],
        ],
        "pass {} to a new Amplify app with a build that runs its commands as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-auto-scaling",
        &["ec2"],
        &[
            &["iam:PassRole", "autoscaling:CreateLaunchConfiguration", "autoscaling:CreateAutoScalingGroup"],
            &["iam:PassRole", "autoscaling:CreateLaunchConfiguration", "autoscaling:UpdateAutoScalingGroup"],
            &["iam:PassRole", "ec2:CreateLaunchTemplate", "autoscaling:CreateAutoScalingGroup"],
            &["iam:PassRole", "ec2:CreateLaunchTemplate", "autoscaling:UpdateAutoScalingGroup"],
            &["iam:PassRole", "ec2:CreateLaunchTemplateVersion", "autoscaling:StartInstanceRefresh"],
        ],
        "pass {} to instances that an Auto Scaling group starts, and read the role's credentials on them",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-dms",
        &["dms"],
        &[
            &["iam:PassRole", "dms:CreateEndpoint", "dms:CreateReplicationTask", "dms:StartReplicationTask"],
            &["iam:PassRole", "dms:ModifyEndpoint", "dms:StartReplicationTask"],
            &["iam:PassRole", "dms:CreateEndpoint", "dms:CreateReplicationConfig", "dms:StartReplication"],
        ],
        "pass {} to an endpoint of Database Migration Service and copy what that role can read, or overwrite what it can write",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-greengrass",
        &["greengrass"],
        &[
            &["iam:PassRole", "greengrass:AssociateRoleToGroup", "greengrass:CreateDeployment"],
            &["iam:PassRole", "greengrass:AssociateServiceRoleToAccount", "greengrass:CreateDeployment"],
        ],
        "pass {} to a Greengrass group and run a component on its devices as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-synthetics",
        &["lambda", "synthetics"],
        &[
            &["iam:PassRole", "synthetics:CreateCanary", "synthetics:StartCanary"],
            &["iam:PassRole", "synthetics:UpdateCanary"],
        ],
        "pass {} to a CloudWatch Synthetics canary with a script that runs as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-airflow",
        &["airflow"],
        &[&["iam:PassRole", "airflow:CreateEnvironment"]],
        "pass {} to a new Airflow environment with workflows that run as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-apprunner",
        &["apprunner"],
        &[&["iam:PassRole", "apprunner:CreateService"]],
        "pass {} to a new App Runner service with a container that runs as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-batch",
        &["ecs-tasks", "batch"],
        &[&["iam:PassRole", "batch:RegisterJobDefinition", "batch:SubmitJob"]],
        "pass {} to a new Batch job that runs its commands as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-bedrock-agentcore",
        &["bedrock-agentcore"],
        &[
            &[
                "iam:PassRole",
                "bedrock-agentcore:CreateCodeInterpreter",
                "bedrock-agentcore:StartCodeInterpreterSession",
                "bedrock-agentcore:InvokeCodeInterpreter",
            ],
            &["iam:PassRole", "bedrock-agentcore:CreateAgentRuntime", "bedrock-agentcore:InvokeAgentRuntime"],
            &["iam:PassRole", "bedrock-agentcore:CreateBrowser", "bedrock-agentcore:StartBrowserSession"],
            &["iam:PassRole", "bedrock-agentcore:CreateHarness"],
        ],
        "pass {} to a new AgentCore runtime, code interpreter or browser and read the role's credentials from inside",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-braket",
        &["braket"],
        &[&["iam:PassRole", "braket:CreateJob"]],
        "pass {} to a new Braket job that runs its script as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-cloudformation",
        &["cloudformation"],
        &[
            &["iam:PassRole", "cloudformation:CreateStack"],
            &["iam:PassRole", "cloudformation:UpdateStack"],
            &["iam:PassRole", "cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"],
            &["iam:PassRole", "cloudformation:CreateStackSet", "cloudformation:CreateStackInstances"],
            &["iam:PassRole", "cloudformation:UpdateStackSet"],
        ],
        "pass {} to a stack with a template that creates any resource as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-codebuild",
        &["codebuild"],
        &[
            &["iam:PassRole", "codebuild:CreateProject", "codebuild:StartBuild"],
            &["iam:PassRole", "codebuild:CreateProject", "codebuild:StartBuildBatch"],
        ],
        "pass {} to a new CodeBuild project with a build that runs its commands as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-codepipeline",
        &["codepipeline"],
        &[&["iam:PassRole", "codepipeline:CreatePipeline"], &["iam:PassRole", "codepipeline:UpdatePipeline"]],
        "pass {} to a pipeline with stages that act as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-codestar",
        &["codestar", "cloudformation"],
        &[&["iam:PassRole", "codestar:CreateProject"]],
        "pass {} to a new CodeStar project with a template that creates any resource as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-cognito",
        &["cognito-identity"],
        &[&["iam:PassRole", "cognito-identity:SetIdentityPoolRoles"]],
        "make {} the role of an identity pool, and get its credentials from the pool",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-datapipeline",
        &["datapipeline", "elasticmapreduce", "ec2"],
        &[
            &[
                "iam:PassRole",
                "datapipeline:CreatePipeline",
                "datapipeline:PutPipelineDefinition",
                "datapipeline:ActivatePipeline",
            ],
            &["iam:PassRole", "datapipeline:CreatePipeline", "datapipeline:PutPipelineDefinition"],
        ],
        "pass {} to a new data pipeline that runs its commands as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-ec2",
        &["ec2"],
        &[
            &["iam:PassRole", "ec2:RunInstances"],
            &["iam:PassRole", "ec2:RequestSpotInstances"],
            &["iam:PassRole", "ec2:RequestSpotFleet"],
            &["iam:PassRole", "ec2:CreateFleet"],
            &["iam:PassRole", "autoscaling:CreateLaunchConfiguration", "autoscaling:CreateAutoScalingGroup"],
        ],
        "start an instance with {} and read the role's credentials from it",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-running-instance",
        &["ec2"],
        &[
            &["iam:PassRole", "ec2:AssociateIamInstanceProfile"],
            &["iam:PassRole", "ec2:ReplaceIamInstanceProfileAssociation"],
            &["iam:PassRole", "iam:AddRoleToInstanceProfile"],
        ],
        "attach {} to a running instance and read the role's credentials from it",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-ecs",
        &["ecs-tasks"],
        &[
            &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:RunTask"],
            &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:StartTask"],
            &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:CreateService"],
            &["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:UpdateService"],
            &["iam:PassRole", "ecs:RunTask"],
        ],
        "pass {} to a task with a container that runs its commands as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-eks-pod",
        &["eks"],
        &[&["iam:PassRole", "eks:CreatePodIdentityAssociation"]],
        "associate {} with a service account of a cluster, so that its pods act as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-elastic-beanstalk",
        &["ec2", "elasticbeanstalk"],
        &[
            &["iam:PassRole", "elasticbeanstalk:CreateEnvironment"],
            &["iam:PassRole", "elasticbeanstalk:UpdateEnvironment"],
        ],
        "start an environment with {} on the environment's instances and run an application of the principal's choice there",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-emr",
        &["ec2", "elasticmapreduce"],
        &[&["iam:PassRole", "elasticmapreduce:RunJobFlow"]],
        "start a cluster with {} on the cluster's instances and run a step of the principal's choice there",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-emr-serverless",
        &["emr-serverless"],
        &[&["iam:PassRole", "emr-serverless:StartJobRun"]],
        "pass {} to an EMR Serverless job that runs its code as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-eventbridge",
        &["events"],
        &[&["iam:PassRole", "events:PutTargets"]],
        "pass {} to a rule that acts on its target as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-gamelift",
        &["gamelift"],
        &[&["iam:PassRole", "gamelift:CreateFleet"]],
        "pass {} to a new fleet with game servers that run as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-glue",
        &["glue"],
        &[
            &["iam:PassRole", "glue:CreateDevEndpoint"],
            &["iam:PassRole", "glue:CreateJob", "glue:StartJobRun"],
            &["iam:PassRole", "glue:CreateJob", "glue:CreateTrigger"],
            &["iam:PassRole", "glue:UpdateJob", "glue:StartJobRun"],
            &["iam:PassRole", "glue:UpdateJob", "glue:CreateTrigger"],
            &["iam:PassRole", "glue:CreateSession", "glue:RunStatement"],
        ],
        "pass {} to a Glue job, session or development endpoint that runs its code as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-image-builder",
        &["ec2", "imagebuilder"],
        &[
            &["iam:PassRole", "imagebuilder:CreateInfrastructureConfiguration", "imagebuilder:CreateImage"],
            &[
                "iam:PassRole",
                "imagebuilder:CreateInfrastructureConfiguration",
                "imagebuilder:StartImagePipelineExecution",
            ],
        ],
        "build an image on an instance that has {} and run a component of the principal's choice there",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-kinesis-analytics",
        &["kinesisanalytics"],
        &[&["iam:PassRole", "kinesisanalytics:CreateApplication", "kinesisanalytics:StartApplication"]],
        "pass {} to a stream application that runs its code as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-lambda",
        &["lambda"],
        &[
            &["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"],
            &["iam:PassRole", "lambda:CreateFunction", "lambda:AddPermission"],
            &["iam:PassRole", "lambda:CreateFunction", "lambda:CreateFunctionUrlConfig"],
            &["iam:PassRole", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"],
            &["iam:PassRole", "lambda:CreateFunction", "events:PutTargets"],
            &["iam:PassRole", "lambda:UpdateFunctionConfiguration"],
        ],
        "pass {} to a Lambda function and run the function's code as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-omics",
        &["omics"],
        &[&["iam:PassRole", "omics:CreateWorkflow", "omics:StartRun"]],
        "pass {} to a HealthOmics workflow run with tasks that run as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-sagemaker",
        &["sagemaker"],
        &[
            &[
                "iam:PassRole",
                "sagemaker:CreateNotebookInstance",
                "sagemaker:CreatePresignedNotebookInstanceUrl",
            ],
            &["iam:PassRole", "sagemaker:CreateProcessingJob"],
            &["iam:PassRole", "sagemaker:CreateTrainingJob"],
            &["iam:PassRole", "sagemaker:CreateUserProfile", "sagemaker:CreatePresignedDomainUrl"],
        ],
        "pass {} to a SageMaker notebook or job that runs its code as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-scheduler",
        &["scheduler"],
        &[&["iam:PassRole", "scheduler:CreateSchedule"], &["iam:PassRole", "scheduler:UpdateSchedule"]],
        "pass {} to a schedule that makes any API call as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-ssm-automation",
        &["ssm"],
        &[&["iam:PassRole", "ssm:StartAutomationExecution"]],
        "pass {} to an automation that makes any API call as that role",
    ),
    EscalationMethod::pass_role(
        "pass-role-to-step-functions",
        &["states"],
        &[
            &["iam:PassRole", "states:CreateStateMachine", "states:StartExecution"],
            &["iam:PassRole", "states:UpdateStateMachine", "states:StartExecution"],
            &["iam:PassRole", "states:TestState"],
        ],
        "pass {} to a state machine that makes any API call as that role",
    ),
];
