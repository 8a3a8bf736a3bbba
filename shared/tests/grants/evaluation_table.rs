//! A table of evaluations, written by hand: which policy takes precedence, and what a pattern matches.
//!
//! Enters: lines of policies, `=>`, an action and its grant (`granted`, `conditional` or `none`). Leaves: nothing.
//! Law: each line evaluates as the IAM User Guide states ("Policy evaluation logic", "Policy elements"), or
//! conservatively where it states nothing.
//!
//! A line: layers separated by ` | ` (first the identity policies; then `boundary`, one `scp` for each level, `rcp`,
//! `at ARN` for a resource-based policy), statements by ` ; `. A statement: `allow` or `deny`, actions, `on`
//! resources, `for` principals, `if` operator key=values, `&` more. A `!` before a list makes it `NotAction` and so
//! on.

use onlooker_core::time::Time;
use onlooker_core::{
    catalog::Catalog,
    grants::{Certainty, Evaluator, PolicySnapshot, ResourceBasedPolicy},
};
use serde_json::{Map, Value, json};

const CASES: &str = "
    # nothing, allow, deny
    allow s3:GetObject on * => s3:PutObject none
    allow s3:GetObject on * => s3:GetObject granted
    allow s3:* on * ; deny s3:PutObject on * => s3:PutObject none
    deny s3:PutObject on * ; allow s3:* on * => s3:PutObject none
    allow s3:* on * ; deny s3:PutObject on * => s3:GetObject granted
    deny s3:* on * => s3:GetObject none

    # wildcards, in any case and at any place
    allow * on * => iam:CreateUser granted
    allow *:* on * => iam:CreateUser granted
    allow S3:GETOBJECT on * => s3:GetObject granted
    allow s3:get* on * => s3:GetObject granted
    allow s3:*Object on * => s3:PutObject granted
    allow s3:*Object on * => s3:PutObjectAcl none
    allow s3:?etObject on * => s3:GetObject granted
    allow s3:??tObject on * => s3:PutObject granted
    allow s3:?Object on * => s3:PutObject none
    allow s3:Get**ct on * => s3:GetObject granted
    allow *:GetObject on * => s3:GetObject none
    allow s3*:GetObject on * => s3:GetObject none
    allow s3:GetObject? on * => s3:GetObject none
    allow * on * ; deny S3:pUT* on * => s3:PutObject none
    allow * on * ; deny s3:*t on * => s3:PutObject none
    allow sqs:* on * => s3:GetObject none

    # NotAction and NotResource
    allow !iam:* on * => s3:PutObject granted
    allow !iam:* on * => iam:CreateUser none
    allow !iam:*,s3:Put* on * => s3:PutObject none
    allow * on * ; deny !s3:Get* on * => s3:PutObject none
    allow * on * ; deny !s3:Get* on * => s3:GetObject granted
    allow s3:* on !arn:aws:s3:::a/* => s3:PutObject granted
    allow s3:* on !arn:aws:s3:::a/*,arn:aws:s3:::b/o => s3:PutObject granted
    allow s3:* on !* => s3:PutObject none
    allow s3:* on arn:aws:s3:::a/* ; deny s3:Put* on !arn:aws:s3:::b/* => s3:PutObject none
    allow s3:* on arn:aws:s3:::a/* ; deny s3:Put* on !arn:aws:s3:::a/x => s3:PutObject granted
    allow s3:* on !arn:aws:s3:::a/* ; deny s3:Put* on !arn:aws:s3:::a/* => s3:PutObject none
    allow s3:* on !arn:aws:s3:::a/* ; deny s3:Put* on !arn:aws:s3:::b/* => s3:PutObject granted

    # an incomplete ARN is completed; in a deny it is taken literally
    allow sqs:* on arn:aws:sqs:eu-west-1:111122223333:q | boundary allow * on arn:aws:sqs => sqs:SendMessage granted
    allow sqs:* on arn:aws:sqs | boundary allow * on arn:aws:sqs:eu-west-1:111122223333:q => sqs:SendMessage granted
    allow sqs:* on arn:aws:sqs | boundary allow * on arn:aws:s3 => sqs:SendMessage none
    allow sqs:* on arn:aws:sqs:eu-west-1:111122223333:q | scp allow * on arn:*:sqs => sqs:SendMessage granted
    allow sqs:* on arn:aws:sqs:eu-west-1:111122223333:q ; deny sqs:* on arn:aws:sqs => sqs:SendMessage conditional
    allow sqs:* on arn:aws:sqs:eu-west-1:111122223333:q ; deny sqs:* on !arn:aws:sqs => sqs:SendMessage conditional
    allow sqs:* on !arn:aws:sqs | boundary allow * on arn:aws:sqs:eu-west-1:111122223333:q => sqs:SendMessage conditional

    # resources
    allow s3:* on arn:aws:s3:::a/* ; deny s3:Put* on arn:aws:s3:::a/secret/* => s3:PutObject granted
    allow s3:* on arn:aws:s3:::a/secret/x ; deny s3:Put* on arn:aws:s3:::a/secret/* => s3:PutObject none
    allow s3:* on arn:aws:s3:::a/* ; deny s3:Put* on arn:aws:s3:::a* => s3:PutObject none
    allow s3:* on arn:aws:s3:::A/o ; deny s3:Put* on arn:aws:s3:::a/o => s3:PutObject granted
    allow s3:* on arn:aws:s3:::a/o,arn:aws:s3:::b/o ; deny s3:Put* on arn:aws:s3:::a/o ; deny s3:Put* on arn:aws:s3:::b/o => s3:PutObject none
    allow s3:* on arn:aws:s3:::a/o,arn:aws:s3:::b/o ; deny s3:Put* on arn:aws:s3:::a/o => s3:PutObject granted
    allow s3:* on * ; deny s3:Put* on arn:aws:s3:::a/o ; deny s3:Put* on !arn:aws:s3:::a/o => s3:PutObject none
    allow s3:* on arn:aws:s3:::a/o ; allow s3:* on arn:aws:s3:::b/o ; deny s3:* on arn:aws:s3:::a/o => s3:PutObject granted

    # an action that takes no such resource is not granted
    allow ec2:Describe* on arn:aws:ec2:eu-central-1:111122223333:instance/* => ec2:DescribeInstances none
    allow ec2:* on arn:aws:ec2:eu-central-1:111122223333:instance/* => ec2:StopInstances granted
    allow ec2:* on arn:aws:ec2:eu-central-1:111122223333:instance/* => ec2:DeleteVolume none
    allow wafv2:* on arn:aws:wafv2:*:*:*/webacl/*/* => wafv2:ListWebACLs conditional
    allow wafv2:* on arn:aws:wafv2:*:*:*/webacl/a => wafv2:ListWebACLs none
    allow wafv2:* on arn:aws:wafv2:*:*:* => wafv2:ListWebACLs granted
    allow eks:* on arn:aws:eks:*:*:cluster/* => eks:ListClusters conditional
    allow kms:* on arn:aws:kms:*:*:key/* => kms:ListKeys none
    allow s3:* on arn:aws:s3:::a => s3:PutObject none
    allow s3:* on arn:aws:s3:::a => s3:ListBucket granted
    allow s3:* on arn:aws:s3:::a => s3:ListAllMyBuckets none
    allow s3:* on arn:aws:s3:::* => s3:ListAllMyBuckets granted
    allow * on arn:aws:s3:::* => iam:CreateUser none
    allow * on !arn:aws:s3:::* => iam:CreateUser granted
    allow * on * ; deny * on !arn:aws:s3:::a/* => iam:CreateUser none
    allow * on * ; deny * on !arn:aws:s3:::a/* => s3:PutObject granted
    allow * on * ; deny s3:* on arn:aws:s3:::a => s3:ListAllMyBuckets granted
    allow * on * | boundary allow * on arn:aws:s3:::a/* => iam:CreateUser none
    allow * on * | scp allow * on arn:aws:s3:::a/* => s3:PutObject granted

    # the name of a bucket or table has no slash
    allow s3:* on arn:aws:s3:::b/* => s3:PutObject granted
    allow s3:* on arn:aws:s3:::b/* => s3:DeleteBucket none
    allow s3:* on arn:aws:s3:::b/* => s3:CreateBucket none
    allow s3:* on arn:aws:s3:::b/* => s3:ListBucket none
    allow s3:* on arn:aws:s3:::b/* => s3:PutBucketPolicy none
    allow s3:* on arn:aws:s3:::b* => s3:DeleteBucket granted
    allow s3:* on arn:aws:s3:::*/x => s3:DeleteBucket none
    allow s3:* on arn:aws:s3:*:*:accesspoint/* => s3:ListBucket granted
    allow s3:* on arn:aws:s3:*:*:accesspoint/* => s3:PutObject granted
    allow s3:* on arn:aws:s3:*:*:accesspoint/p/object/* => s3:DeleteAccessPoint none
    allow s3:* on * ; deny s3:* on arn:aws:s3:::*/* => s3:DeleteBucket granted
    allow s3:* on * ; deny s3:* on arn:aws:s3:::*/*,arn:aws:s3:*:*:accesspoint/* => s3:PutObject none
    allow dynamodb:* on arn:aws:dynamodb:eu-west-1:111122223333:table/t/index/* => dynamodb:DeleteTable none
    allow dynamodb:* on arn:aws:dynamodb:eu-west-1:111122223333:table/t/index/* => dynamodb:UpdateContributorInsights granted
    allow dynamodb:* on arn:aws:dynamodb:eu-west-1:111122223333:table/t/* => dynamodb:DeleteTable none
    allow dynamodb:* on arn:aws:dynamodb:eu-west-1:111122223333:table/t/* => dynamodb:DeleteBackup granted
    allow dynamodb:* on arn:aws:dynamodb:eu-west-1:111122223333:table/t* => dynamodb:DeleteTable granted

    # a name may have the slash or colon that another type goes on with
    allow kendra:* on arn:aws:kendra:eu-west-1:111122223333:index/i/faq/* => kendra:DeleteFaq granted
    allow kendra:* on arn:aws:kendra:eu-west-1:111122223333:index/i/faq/* => kendra:DeleteIndex conditional
    allow kendra:* on arn:aws:kendra:eu-west-1:111122223333:index/* => kendra:DeleteIndex granted
    allow iam:* on arn:aws:iam::111122223333:role/team/* => iam:DeleteRole granted
    allow logs:* on arn:aws:logs:eu-west-1:111122223333:log-group:/a/b:* => logs:PutRetentionPolicy granted
    allow lambda:* on arn:aws:lambda:eu-west-1:111122223333:function:f:live => lambda:UpdateFunctionCode granted
    allow rds:* on arn:aws:rds:eu-west-1:111122223333:snapshot:rds:a* => rds:DeleteDBSnapshot granted
    allow secretsmanager:* on arn:aws:secretsmanager:eu-west-1:111122223333:secret:a/b* => secretsmanager:DeleteSecret granted

    # a wildcard at the end of a field may reach past the colon
    allow ec2:* on arn:aws:ec2:*:111122223333:volume/* => ec2:DeleteVolume granted
    allow ec2:* on arn:aws:ec2:*:111122223333:volume/* => ec2:TerminateInstances none
    allow ec2:* on arn:aws:ec2:*:*:volume/* => ec2:TerminateInstances none
    allow ec2:* on arn:aws:ec2:*:111122223333:volume/* => ec2:DeleteKeyPair conditional
    allow ec2:* on arn:aws:ec2:*:111122223333:key-pair/a:b => ec2:DeleteKeyPair granted
    allow iam:* on arn:aws:iam::*:role/* => iam:DeleteRole granted
    allow iam:* on arn:aws:iam::*:role/* => iam:DeleteUser conditional
    allow iam:* on arn:*:iam::*:role/r => iam:DeleteRole granted
    allow iam:* on arn:aws:iam::*role/* => iam:DeleteUser granted
    allow sns:* on arn:aws:*:*:111122223333:t => sns:Publish granted
    allow logs:* on arn:aws:logs:*:log-group:g:* => logs:PutRetentionPolicy granted
    allow iam:DeleteRole on arn:aws:iam::111122223333:role/r ; deny iam:* on arn:aws:iam::*:role/* => iam:DeleteRole none
    allow iam:DeleteUser on arn:aws:iam::111122223333:user/a:role/r ; deny iam:* on arn:aws:iam::*:role/* => iam:DeleteUser conditional
    allow iam:* on !arn:aws:iam::*:role/* | boundary allow * on arn:aws:iam::111122223333:user/a:role/r => iam:DeleteUser conditional
    allow iam:* on !arn:aws:iam:*:*:role/* => iam:DeleteRole none
    allow sqs:* on * | scp allow * on arn:aws:sqs:*:111122223333:* => sqs:SendMessage granted

    # a key that the action never has
    allow * on * if StringEquals iam:PassedToService=ec2.amazonaws.com => iam:PassRole granted
    allow * on * if StringEquals iam:PassedToService=ec2.amazonaws.com => iam:GetRole none
    allow * on * if StringEquals iam:PassedToService=ec2.amazonaws.com => ec2:RunInstances none
    allow * on * if StringNotEquals iam:PassedToService=ec2.amazonaws.com => ec2:RunInstances granted
    allow * on * if StringEquals aws:RequestTag/team=a => ec2:DescribeInstances none
    allow * on * if StringEquals aws:RequestTag/team=a => ec2:CreateTags granted
    allow * on * ; deny * on * if StringNotEquals aws:RequestTag/team=a => ec2:DescribeInstances none
    allow * on * ; deny * on * if ForAnyValue:StringEquals aws:TagKeys=a => ec2:DescribeInstances granted
    allow s3:* on * if StringLike s3:prefix=home/* => s3:ListBucket granted
    allow s3:* on * if StringLike s3:prefix=home/* => s3:GetObject none
    allow s3:* on * if Null s3:prefix=true => s3:GetObject granted
    allow * on * if StringEquals newservice:Key=a => s3:GetObject conditional
    # a set operator with IfExists, of a key that requests do not have: the guide contradicts itself
    allow s3:* on * ; deny * on * if ForAnyValue:StringEqualsIfExists aws:TagKeys=k => s3:DeleteBucket conditional
    allow s3:DeleteBucket on * if ForAnyValue:StringEqualsIfExists aws:TagKeys=k => s3:DeleteBucket conditional
    allow s3:DeleteBucket on * if ForAllValues:StringEqualsIfExists aws:TagKeys=k => s3:DeleteBucket granted

    # a variable that a role does not have, against a value that the caller chooses
    allow s3:ListBucket on * if StringLike s3:prefix=${aws:username}/* => s3:ListBucket none
    allow s3:ListBucket on * if StringLike s3:prefix=${aws:username}/*,public/* => s3:ListBucket granted
    allow s3:ListBucket on * ; deny s3:ListBucket on * if StringLike s3:prefix=${aws:username}/* => s3:ListBucket granted

    # a principal reaches resources of its partition only
    allow sqs:SendMessage on * ; deny sqs:* on arn:aws:sqs:*:*:* => sqs:SendMessage none
    allow s3:PutObject on * ; deny s3:* on arn:aws:s3:* => s3:PutObject none
    allow s3:PutObject on * ; deny s3:* on arn:aws-cn:s3:* => s3:PutObject granted

    # Amazon S3 checks an action that takes resources on one of them
    allow s3:GetObject on * ; deny s3:* on arn:*:s3:* => s3:GetObject none

    # keys of the session, whatever service it calls
    allow s3:* on * ; deny s3:* on * if ArnNotLike ec2:SourceInstanceARN=arn:aws:ec2:*:*:instance/i-1 => s3:PutObject conditional
    allow s3:* on * if StringEquals lambda:SourceFunctionArn=arn:aws:lambda:eu-west-1:111122223333:function:f => s3:PutObject conditional
    allow * on * ; deny * on * if Null identitystore:UserId=true => s3:PutObject conditional
    allow s3:PutObject on * if StringEquals saml:sub_type=persistent => s3:PutObject conditional
    allow s3:* on * ; deny s3:* on * if StringNotEquals cognito-identity.amazonaws.com:aud=pool => s3:PutObject conditional
    allow ec2:AttachVolume on * if ArnEquals ec2:SourceInstanceARN=arn:aws:ec2:*:*:instance/i-1 => ec2:AttachVolume conditional

    # resource types of two services that share a prefix
    allow apigateway:DELETE on arn:aws:apigateway:*::/apis/* => apigateway:DELETE granted
    allow apigateway:DELETE on arn:aws:apigateway:*::/restapis/* => apigateway:DELETE granted
    allow lex:* on arn:aws:lex:*:*:bot/B => lex:DeleteBot granted
    allow lex:* on arn:aws:lex:*:*:bot:B => lex:DeleteBot granted
    allow elasticloadbalancing:AddTags on arn:aws:elasticloadbalancing:*:*:targetgroup/* => elasticloadbalancing:AddTags granted
    allow partnercentral:* on * if StringEquals partnercentral:Catalog=Sandbox => partnercentral:GetBusinessPlan conditional

    # a key that every request has
    allow s3:* on * if Null aws:CurrentTime=true => s3:GetObject none
    allow s3:* on * if Null aws:PrincipalAccount=false => s3:GetObject granted
    allow s3:* on * if Null aws:SourceVpc=true => s3:GetObject conditional

    # times: the table is evaluated on 2026-06-01
    allow s3:* on * if DateLessThan aws:CurrentTime=2020-01-01T00:00:00Z => s3:GetObject none
    allow s3:* on * if DateGreaterThan aws:CurrentTime=2020-01-01T00:00:00Z => s3:GetObject granted
    allow s3:* on * if DateLessThan aws:CurrentTime=2030-01-01T00:00:00Z => s3:GetObject granted
    allow s3:* on * if DateGreaterThan aws:CurrentTime=2030-01-01T00:00:00Z => s3:GetObject conditional
    allow s3:* on * if DateGreaterThan aws:CurrentTime=2020-01-01T00:00:00Z & DateLessThan aws:CurrentTime=2021-01-01T00:00:00Z => s3:GetObject none
    allow s3:* on * if NumericLessThan aws:EpochTime=1577836800 => s3:GetObject none
    allow s3:* on * if DateLessThan aws:EpochTime=1577836800 => s3:GetObject none
    allow s3:* on * ; deny s3:* on * if DateGreaterThan aws:CurrentTime=2020-01-01T00:00:00Z => s3:GetObject none
    allow s3:* on * ; deny s3:* on * if DateLessThan aws:CurrentTime=2020-01-01T00:00:00Z => s3:GetObject granted
    allow s3:* on * ; deny s3:* on * if DateLessThan aws:CurrentTime=2030-01-01T00:00:00Z => s3:GetObject conditional
    allow s3:* on * ; deny s3:* on * if DateGreaterThan aws:CurrentTime=2030-01-01T00:00:00Z => s3:GetObject granted
    allow s3:* on * ; deny * on * if DateLessThan aws:TokenIssueTime=2026-05-31T23:00:00Z => s3:GetObject granted
    allow s3:* on * ; deny * on * if DateGreaterThan aws:TokenIssueTime=2020-01-01T00:00:00Z => s3:GetObject none
    allow s3:* on * ; deny * on * if DateLessThan aws:TokenIssueTime=2030-01-01T00:00:00Z => s3:GetObject conditional
    allow s3:* on * if DateLessThan aws:TokenIssueTime=2020-01-01T00:00:00Z => s3:GetObject none
    allow s3:* on * if DateLessThan aws:TokenIssueTime=2026-05-31T23:00:00Z => s3:GetObject conditional
    allow s3:* on * if NumericLessThan aws:MultiFactorAuthAge=3600 => s3:GetObject conditional
    allow s3:* on * if NumericLessThanIfExists aws:MultiFactorAuthAge=3600 => s3:GetObject granted
    allow s3:* on * if NumericGreaterThan aws:MultiFactorAuthAge=1000000 => s3:GetObject none
    allow s3:* on * ; deny s3:* on * if NumericGreaterThan aws:MultiFactorAuthAge=3600 => s3:GetObject granted

    # networks that contain every address
    allow s3:* on * if IpAddress aws:SourceIp=0.0.0.0/0 => s3:GetObject granted
    allow s3:* on * if IpAddress aws:SourceIp=10.0.0.0/8 => s3:GetObject conditional
    allow s3:* on * if IpAddress aws:VpcSourceIp=0.0.0.0/0 => s3:GetObject conditional
    allow s3:* on * ; deny s3:* on * if NotIpAddress aws:SourceIp=0.0.0.0/0,::/0 => s3:GetObject granted
    allow s3:* on * ; deny s3:* on * if IpAddress aws:SourceIp=0.0.0.0/0 => s3:GetObject conditional

    # conditions that exclude each other
    allow s3:* on * if StringEquals aws:SourceVpc=a & StringLike aws:SourceVpc=b* => s3:GetObject none
    allow s3:* on * if StringEquals aws:SourceVpc=ba & StringLike aws:SourceVpc=b* => s3:GetObject conditional
    allow s3:* on * if StringEquals aws:SourceVpc=a & StringNotEquals aws:SourceVpc=a,b => s3:GetObject none
    allow s3:* on * if StringEquals aws:SourceVpc=a,c & StringNotEquals aws:SourceVpc=a,b => s3:GetObject conditional
    allow s3:* on * if StringEquals aws:SourceVpc=a & Null aws:SourceVpc=true => s3:GetObject none
    allow s3:* on * if StringEqualsIfExists aws:SourceVpc=a & StringLikeIfExists aws:SourceVpc=b => s3:GetObject conditional
    allow s3:* on * if StringEquals aws:PrincipalOrgPaths=a & StringLike aws:PrincipalOrgPaths=b* => s3:GetObject conditional
    allow s3:* on * if Bool aws:MultiFactorAuthPresent=true & BoolIfExists aws:MultiFactorAuthPresent=false => s3:GetObject none
    allow s3:* on * if NumericLessThan newservice:Size=3 & NumericGreaterThan newservice:Size=5 => s3:GetObject none
    allow s3:* on * if NumericLessThan newservice:Size=5 & NumericGreaterThan newservice:Size=3 => s3:GetObject conditional
    allow s3:* on * if ForAnyValue:StringEquals aws:CalledVia=a & ForAnyValue:StringLike aws:CalledVia=b => s3:GetObject conditional
    allow s3:* on * ; deny s3:* on * if StringEquals aws:SourceVpc=a & StringLike aws:SourceVpc=b* => s3:GetObject granted

    # resources of the own organization
    allow s3:* on * | scp allow * on * ; deny s3:* on * if StringNotEquals aws:ResourceOrgID=o-abc123 => s3:GetObject granted
    allow s3:* on * | scp allow * on * ; deny s3:* on * if StringNotEqualsIfExists aws:ResourceOrgID=o-abc123 & BoolIfExists aws:PrincipalIsAWSService=false => s3:GetObject granted
    allow s3:* on * if StringEquals aws:ResourceOrgID=o-abc123 => s3:GetObject granted
    allow s3:* on * if StringEquals aws:ResourceOrgID=abc123 => s3:GetObject conditional

    # variables without a value, and variables where AWS replaces none
    allow s3:* on arn:aws:s3:::a/${aws:PrincipalTag/cost}/* => s3:GetObject conditional
    allow s3:* on * ; deny s3:* on arn:aws:s3:::a/${aws:PrincipalTag/cost}/* => s3:GetObject granted
    allow s3:* on arn:aws:s3:::a/${aws:PrincipalTag/cost,'none'}/* => s3:GetObject granted
    allow s3:* on arn:aws:s3:::${aws:userid}/* => s3:GetObject granted
    allow s3:* on arn:aws:s3:::${aws:username}/* => s3:GetObject none
    allow sqs:* on arn:aws:sqs:*:${aws:PrincipalAccount}:q => sqs:SendMessage conditional
    allow sqs:* on arn:aws:sqs:*:*:${aws:PrincipalAccount} => sqs:SendMessage granted

    # condition keys with known values
    allow s3:* on * if StringEquals aws:PrincipalAccount=111122223333 => s3:PutObject granted
    allow s3:* on * if StringEquals aws:PrincipalAccount=999999999999 => s3:PutObject none
    allow s3:* on * if StringNotEquals aws:PrincipalAccount=111122223333 => s3:PutObject none
    allow s3:* on * if StringEquals AWS:PRINCIPALACCOUNT=111122223333 => s3:PutObject granted
    allow s3:* on * if ArnLike aws:PrincipalArn=arn:aws:iam::*:role/Aud* => s3:PutObject granted
    allow s3:* on * if ArnLike aws:PrincipalArn=arn:aws:iam::*:role/Adm* => s3:PutObject none
    allow s3:* on * if ArnNotEquals aws:PrincipalArn=arn:aws:iam::111122223333:role/Auditor => s3:PutObject none
    allow s3:* on * if StringLike aws:PrincipalArn=*Auditor => s3:PutObject granted
    allow s3:* on * if StringEquals aws:PrincipalArn=*Auditor => s3:PutObject none
    allow s3:* on * if StringEquals aws:PrincipalTag/team=blue => s3:PutObject granted
    allow s3:* on * if StringEquals aws:PrincipalTag/TEAM=blue => s3:PutObject granted
    allow s3:* on * if StringEquals aws:PrincipalTag/team=Blue => s3:PutObject none
    allow s3:* on * if StringEqualsIgnoreCase aws:PrincipalTag/team=Blue => s3:PutObject granted
    allow s3:* on * if StringEquals aws:PrincipalTag/team=red,blue => s3:PutObject granted
    allow s3:* on * if StringNotEquals aws:PrincipalTag/team=red,blue => s3:PutObject none
    allow s3:* on * if StringNotEquals aws:PrincipalTag/team=red => s3:PutObject granted
    allow s3:* on * if StringEquals aws:PrincipalTag/other=blue => s3:PutObject conditional
    allow s3:* on * if NumericLessThan aws:PrincipalTag/level=8 => s3:PutObject granted
    allow s3:* on * if NumericLessThan aws:PrincipalTag/level=7 => s3:PutObject none
    allow s3:* on * if NumericLessThanEquals aws:PrincipalTag/level=7.0 => s3:PutObject granted
    allow s3:* on * if NumericEquals aws:PrincipalTag/level=seven => s3:PutObject conditional
    allow s3:* on * if Null aws:PrincipalTag/team=false => s3:PutObject granted
    allow s3:* on * if Null aws:PrincipalTag/team=true => s3:PutObject none
    allow s3:* on * if Null aws:username=true => s3:PutObject granted
    allow s3:* on * if StringEquals aws:username=x => s3:PutObject none
    allow s3:* on * if StringNotEquals aws:username=x => s3:PutObject granted
    allow s3:* on * if StringEqualsIfExists aws:username=x => s3:PutObject granted
    allow s3:* on * if ForAllValues:StringEquals aws:username=x => s3:PutObject granted
    allow s3:* on * if ForAnyValue:StringEquals aws:username=x => s3:PutObject none
    allow s3:* on * if ForAnyValue:StringNotEquals aws:username=x => s3:PutObject none
    allow s3:* on * if Bool aws:PrincipalIsAWSService=false => s3:PutObject granted

    # condition keys with unknown values
    allow s3:* on * if IpAddress aws:SourceIp=10.0.0.0/8 => s3:PutObject conditional
    allow s3:* on * if Bool aws:MultiFactorAuthPresent=true => s3:PutObject conditional
    allow s3:* on * if StringEquals aws:PrincipalAccount=999999999999 & Bool aws:MultiFactorAuthPresent=true => s3:PutObject none
    allow s3:* on * if StringEquals aws:ResourceTag/x=y => s3:PutObject conditional
    allow s3:* on * if Bool aws:MultiFactorAuthPresent=true ; allow s3:PutObject on * => s3:PutObject granted
    allow s3:* on * ; deny s3:Put* on * if Bool aws:MultiFactorAuthPresent=false => s3:PutObject conditional
    allow s3:* on * ; deny s3:Put* on arn:aws:s3:::a/o if Bool aws:MultiFactorAuthPresent=false => s3:PutObject granted
    allow s3:* on arn:aws:s3:::a/o ; deny s3:Put* on arn:aws:s3:::a/o if Bool aws:MultiFactorAuthPresent=false => s3:PutObject conditional
    allow s3:* on * ; deny s3:Put* on * if StringEquals aws:PrincipalAccount=111122223333 => s3:PutObject none
    allow s3:* on * ; deny s3:Put* on * if StringNotEquals aws:PrincipalAccount=111122223333 => s3:PutObject granted
    allow s3:* on * if StringSimilar aws:SourceIp=x => s3:PutObject conditional
    allow s3:* on * ; deny s3:* on * if StringSimilar aws:SourceIp=x => s3:PutObject conditional
    allow s3:* on * if DateGreaterThan aws:CurrentTime=2020-01-01T00:00:00Z => s3:PutObject granted

    # condition keys that the caller chooses
    allow ec2:* on * if StringEquals aws:RequestedRegion=eu-west-1 => ec2:RunInstances granted
    allow ec2:* on * ; deny ec2:* on * if StringNotEquals aws:RequestedRegion=eu-west-1 => ec2:RunInstances granted
    allow ec2:* on * ; deny ec2:* on * if Null aws:RequestTag/owner=true => ec2:RunInstances granted
    allow iam:PassRole on * if StringEquals iam:PassedToService=ec2.amazonaws.com => iam:PassRole granted
    allow ec2:* on * if StringEquals aws:RequestedRegion=eu-west-1 & Bool aws:MultiFactorAuthPresent=true => ec2:RunInstances conditional
    allow ec2:* on * ; deny ec2:* on * if StringNotEquals aws:RequestedRegion=eu-west-1 & Bool aws:MultiFactorAuthPresent=false => ec2:RunInstances granted
    allow s3:* on * if StringEquals aws:ResourceAccount=${aws:PrincipalAccount} => s3:PutObject granted
    allow s3:* on * if StringEquals aws:ResourceAccount=111122223333 => s3:PutObject granted
    allow s3:* on * if StringEquals aws:ResourceAccount=999999999999 => s3:PutObject conditional
    allow s3:* on * ; deny s3:* on * if StringNotEquals aws:ResourceAccount=111122223333 => s3:PutObject granted
    allow s3:* on * ; deny s3:* on * if StringEquals aws:ResourceAccount=111122223333 => s3:PutObject conditional
    allow s3:* on * ; deny s3:* on * if Bool aws:SecureTransport=false => s3:PutObject granted
    allow s3:* on * if ForAnyValue:StringEquals aws:CalledVia=athena.amazonaws.com => s3:PutObject conditional
    allow s3:* on * if Bool aws:ViaAWSService=false => s3:PutObject granted

    # variables
    allow s3:* on arn:aws:s3:::${aws:PrincipalAccount}/* ; deny s3:* on arn:aws:s3:::111122223333/* => s3:PutObject none
    allow s3:* on arn:aws:s3:::${aws:PrincipalTag/team}/* ; deny s3:* on arn:aws:s3:::red/* => s3:PutObject granted
    allow s3:* on arn:aws:s3:::${aws:userid}/* => s3:PutObject granted
    allow s3:* on arn:aws:s3:::${aws:userid}/* ; deny s3:* on arn:aws:s3:::* => s3:PutObject none
    allow s3:* on arn:aws:s3:::x/* ; deny s3:* on arn:aws:s3:::${aws:userid}/* => s3:PutObject conditional
    allow s3:* on arn:aws:s3:::${aws:username}/* => s3:PutObject none
    allow s3:* on arn:aws:s3:::${aws:username,'unset'}/* => s3:PutObject granted
    allow s3:* on arn:aws:s3:::${aws:username,'unset'}/* ; deny s3:* on arn:aws:s3:::unset/* => s3:PutObject none
    allow s3:* on arn:aws:s3:::a${*} ; deny s3:* on arn:aws:s3:::a? => s3:PutObject none
    allow s3:* on arn:aws:s3:::a* ; deny s3:* on arn:aws:s3:::a${*} => s3:PutObject granted
    allow s3:* on * if StringEquals aws:PrincipalTag/team=${aws:PrincipalTag/team} => s3:PutObject granted
    allow s3:* on * if StringLike aws:PrincipalArn=*${aws:PrincipalTag/team}* => s3:PutObject none

    # permissions boundary
    allow s3:* on * | boundary allow s3:Get* on * => s3:PutObject none
    allow s3:* on * | boundary allow s3:Get* on * => s3:GetObject granted
    allow s3:Get* on * | boundary allow * on * => s3:PutObject none
    allow s3:* on * | boundary allow * on * ; deny s3:Put* on * => s3:PutObject none
    allow s3:* on arn:aws:s3:::a/* | boundary allow s3:* on arn:aws:s3:::b/* => s3:PutObject none
    allow s3:* on arn:aws:s3:::a* | boundary allow s3:* on arn:aws:s3:::*b => s3:PutObject granted
    allow s3:* on * | boundary allow s3:* on * if Bool aws:MultiFactorAuthPresent=true => s3:PutObject conditional
    allow s3:* on * | boundary allow s3:* on * if StringEquals aws:PrincipalAccount=9 => s3:PutObject none
    allow s3:* on * | boundary allow s3:* on arn:aws:s3:::a/o ; deny s3:* on arn:aws:s3:::a/o => s3:PutObject none

    # service control policies: every level has to allow
    allow s3:* on * | scp allow * on * => s3:PutObject granted
    allow s3:* on * | scp allow * on * | scp allow sqs:* on * => s3:PutObject none
    allow s3:* on * | scp allow * on * | scp allow * on * ; deny s3:Put* on * => s3:PutObject none
    allow s3:* on * | scp allow sqs:* on * ; allow s3:* on * | scp allow * on * => s3:PutObject granted
    allow s3:* on * | scp deny sqs:* on * => s3:PutObject none
    allow s3:* on * | scp allow * on * ; deny * on * if StringNotEquals aws:RequestedRegion=eu-west-1 => s3:PutObject granted
    allow s3:* on * | scp allow * on * ; deny * on * if ArnNotLike aws:PrincipalArn=arn:aws:iam::*:role/Admin => s3:PutObject none
    allow s3:* on * | scp allow * on * ; deny * on * if ArnNotLike aws:PrincipalArn=arn:aws:iam::*:role/Auditor => s3:PutObject granted
    allow s3:* on * | scp allow s3:* on * | boundary allow s3:Put* on * => s3:PutObject granted

    # resource control policies: they apply to a few services
    allow s3:*,ec2:* on * | rcp deny * on * => s3:PutObject conditional
    allow s3:*,ec2:* on * | rcp deny * on * => ec2:RunInstances granted
    allow s3:* on * | rcp allow s3:Get* on * => s3:PutObject granted

    # resource-based policies
    deny sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::a/* for arn:aws:iam::111122223333:role/Auditor => s3:GetObject granted
    allow sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::a/* for * => s3:GetObject granted
    allow sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::b/* for * => s3:GetObject none
    allow sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::a/* for arn:aws:iam::111122223333:root => s3:GetObject none
    allow sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::a/* for 111122223333 => s3:GetObject none
    allow sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::a/* for arn:aws:iam::111122223333:role/Other => s3:GetObject none
    allow sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::a/* for arn:aws:sts::111122223333:assumed-role/Auditor/me => s3:GetObject granted
    allow sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::a/* for AROAEXAMPLE => s3:GetObject conditional
    allow sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::a/* for !arn:aws:iam::111122223333:role/Other => s3:GetObject granted
    allow s3:* on arn:aws:s3:::a/* | at arn:aws:s3:::a deny s3:* on arn:aws:s3:::a/* for * => s3:GetObject none
    allow s3:* on arn:aws:s3:::a/* | at arn:aws:s3:::a deny s3:* on arn:aws:s3:::a/* for !arn:aws:iam::111122223333:role/Other => s3:GetObject none
    allow s3:* on arn:aws:s3:::a/* | at arn:aws:s3:::a deny s3:* on arn:aws:s3:::a/* for !arn:aws:iam::111122223333:role/Auditor => s3:GetObject granted
    allow s3:* on arn:aws:s3:::a/* | at arn:aws:s3:::a deny s3:* on arn:aws:s3:::a/* for !arn:aws:iam::111122223333:root => s3:GetObject conditional
    allow s3:* on * | at arn:aws:s3:::a deny s3:* on * for * => s3:GetObject granted
    allow sqs:* on * | boundary allow sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::a/* for arn:aws:iam::111122223333:role/Auditor => s3:GetObject none
    allow sqs:* on * | boundary allow sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::a/* for * => s3:GetObject granted
    allow sqs:* on * | scp allow sqs:* on * | at arn:aws:s3:::a allow s3:GetObject on arn:aws:s3:::a/* for * => s3:GetObject none
    allow s3:* on * | at arn:aws:sqs:eu-west-1:999999999999:q allow sqs:* on * for * => sqs:SendMessage none
    allow sqs:* on arn:aws:sqs:eu-west-1:999999999999:q | at arn:aws:sqs:eu-west-1:999999999999:q allow sqs:* on * for arn:aws:iam::111122223333:root => sqs:SendMessage granted
    allow sqs:* on arn:aws:sqs:eu-west-1:999999999999:q | at arn:aws:sqs:eu-west-1:999999999999:q allow sqs:* on * for arn:aws:iam::333333333333:root => sqs:SendMessage none
    allow sqs:* on arn:aws:sqs:eu-west-1:111122223333:q | at arn:aws:sqs:eu-west-1:111122223333:q allow sqs:* on * for arn:aws:iam::333333333333:root => sqs:SendMessage granted
    allow kms:* on arn:aws:kms:eu-west-1:111122223333:key/k | at arn:aws:kms:eu-west-1:111122223333:key/k allow kms:* on * for arn:aws:iam::111122223333:role/Other => kms:Decrypt none
    allow kms:* on arn:aws:kms:eu-west-1:111122223333:key/k | at arn:aws:kms:eu-west-1:111122223333:key/k allow kms:* on * for arn:aws:iam::111122223333:root => kms:Decrypt granted
    allow sqs:* on * | at arn:aws:kms:eu-west-1:111122223333:key/k allow kms:* on * for arn:aws:iam::111122223333:role/Auditor => kms:Decrypt granted

    # unknown actions
    allow s3:FutureThing on * => s3:FutureThing granted
    allow future:* on * => future:* granted
    allow future:* on * ; deny future:* on * => future:* none
    allow future:Do* on * ; deny future:* on * => future:Do* none
    allow future:* on * ; deny future:Do* on * => future:* granted
    allow future:* on * ; deny !s3:* on * => future:* none
    allow future:* on * | boundary allow s3:* on * => future:* none
    allow future:* on * | boundary allow !s3:* on * => future:* granted
    allow future:* on * | scp allow * on * => future:* granted
";

// A comma inside a policy variable does not separate items.
fn string_list(text: &str) -> Value {
    text.replace(",'", "\u{1f}'").split(',').map(|one| Value::from(one.replace('\u{1f}', ","))).collect()
}

fn add_element(statement: &mut Map<String, Value>, name: &str, text: &str) {
    let (name, text) = match text.strip_prefix('!') {
        Some(rest) => (format!("Not{name}"), rest),
        None => (name.to_owned(), text),
    };
    let value = if name.ends_with("Principal") && text != "*" {
        json!({ "AWS": string_list(text) })
    } else {
        string_list(text)
    };
    let value = if name.ends_with("Principal") && text == "*" { json!("*") } else { value };
    statement.insert(name, value);
}

fn statement(text: &str) -> Value {
    let mut built = Map::new();
    let (head, conditions) = text.split_once(" if ").unwrap_or((text, ""));
    let words: Vec<&str> = head.split_whitespace().collect();
    built.insert("Effect".into(), if words[0] == "allow" { "Allow" } else { "Deny" }.into());
    add_element(&mut built, "Action", words[1]);
    for pair in words[2..].chunks(2) {
        add_element(&mut built, if pair[0] == "on" { "Resource" } else { "Principal" }, pair[1]);
    }
    let mut all: Map<String, Value> = Map::new();
    for condition in conditions.split(" & ").filter(|text| !text.is_empty()) {
        let (operator, rest) = condition.trim().split_once(' ').unwrap();
        let (key, values) = rest.split_once('=').unwrap();
        all.entry(operator).or_insert_with(|| json!({}))[key] = string_list(values);
    }
    if !all.is_empty() {
        built.insert("Condition".into(), all.into());
    }
    built.into()
}

fn document(text: &str) -> String {
    let statements: Vec<Value> = text.split(" ; ").map(statement).collect();
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn snapshot(policies: &str) -> PolicySnapshot {
    let mut layers = policies.split(" | ");
    let mut snapshot = crate::role(&document(layers.next().unwrap()));
    snapshot.tags = [("team", "blue"), ("level", "7")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    snapshot.trust_policy = Some(crate::policy(
        "trust",
        r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#,
    ));
    for layer in layers {
        let (kind, rest) = layer.trim().split_once(' ').unwrap();
        match kind {
            "boundary" => snapshot.permissions_boundary = Some(crate::policy("boundary", &document(rest))),
            "scp" => snapshot
                .service_control_policies
                .get_or_insert_default()
                .push(vec![crate::policy("scp", &document(rest))]),
            "rcp" => {
                let text = document(rest).replace("\"Resource\"", "\"Principal\":\"*\",\"Resource\"");
                snapshot
                    .resource_control_policies
                    .get_or_insert_default()
                    .push(vec![crate::policy("rcp", &text)]);
            }
            "at" => {
                let (resource, rest) = rest.split_once(' ').unwrap();
                let policy = crate::policy("resource", &document(rest));
                snapshot
                    .resource_based_policies
                    .push(ResourceBasedPolicy { resource: resource.into(), policy });
            }
            other => panic!("no layer is named {other}"),
        }
    }
    snapshot
}

#[test]
fn each_row_evaluates_as_stated() {
    let evaluator = Evaluator::new(Catalog::embedded()).at(Time::parse("2026-06-01T00:00:00Z").unwrap());
    let mut wrong = Vec::new();
    let lines = CASES.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut count = 0;
    for line in lines {
        count += 1;
        let (policies, rest) = line.split_once(" => ").unwrap();
        let (action, wanted) = rest.split_once(' ').unwrap();
        let grants = evaluator.grants(&snapshot(policies));
        let found = match grants.get(action).map(|grant| grant.certainty) {
            None => "none",
            Some(Certainty::Conditional) => "conditional",
            Some(Certainty::Unconditional) => "granted",
        };
        if found != wanted {
            wrong.push(format!("{line}: {found}; {:?}", grants.problems));
        }
    }
    println!("{count} lines");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 150);
}

#[test]
fn a_pattern_of_a_deny_or_a_limit_is_no_grant_of_its_own() {
    let line = "allow future:* on * ; deny future:Do* on * if Bool aws:MultiFactorAuthPresent=false | boundary allow future:Get*,future:Do* on *";
    let grants = Evaluator::new(Catalog::embedded()).grants(&snapshot(line));
    let keys: Vec<&str> = grants.entries.iter().map(|grant| &*grant.action.key).collect();
    assert_eq!(keys, ["future:*"]);
}

#[test]
fn denials_and_limits_are_listed() {
    let evaluator = Evaluator::new(Catalog::embedded()).at(Time::parse("2026-06-01T00:00:00Z").unwrap());
    let scope = |policies: &str, action: &str| {
        let grants = evaluator.grants(&snapshot(policies));
        let scope = &grants.get(action).unwrap().scope;
        let texts = |list: &[std::sync::Arc<str>]| list.join(" ");
        (
            scope
                .statements
                .iter()
                .map(|id| format!("{}/{}", id.policy, id.statement))
                .collect::<Vec<_>>()
                .join(" "),
            texts(&scope.resources),
            texts(&scope.denied_resources),
            texts(&scope.conditions),
        )
    };
    let line =
        "allow s3:* on arn:aws:s3:::a/*,arn:aws:s3:::b/o ; deny s3:* on arn:aws:s3:::a/x,arn:aws:s3:::c";
    assert_eq!(
        scope(line, "s3:PutObject"),
        (
            "inline/#1".into(),
            "arn:aws:s3:::a/* arn:aws:s3:::b/o".into(),
            "arn:aws:s3:::a/x".into(),
            String::new()
        )
    );
    let line = "allow s3:Get* on !arn:aws:s3:::a/o ; allow s3:* on arn:aws:s3:::b/o if StringEquals aws:RequestedRegion=r";
    assert_eq!(
        scope(line, "s3:GetObject"),
        (
            "inline/#1 inline/#2".into(),
            "arn:aws:s3:::b/o not:arn:aws:s3:::a/o".into(),
            String::new(),
            String::new()
        )
    );
    assert_eq!(scope(line, "s3:PutObject").3, "aws:RequestedRegion StringEquals r");
    let line = "allow s3:* on * ; deny s3:* on * if Bool aws:MultiFactorAuthPresent=false";
    assert_eq!(scope(line, "s3:PutObject").3, "unless aws:MultiFactorAuthPresent Bool false, by inline #2");
    let line = "allow s3:* on * | boundary allow s3:* on arn:aws:s3:::b/*";
    assert_eq!(scope(line, "s3:PutObject").3, "only on arn:aws:s3:::b/*, by boundary");
    assert_eq!(
        scope("allow s3:* on * | boundary allow * on *", "s3:PutObject").3,
        "",
        "no limit on resources"
    );
    let line = "allow iam:* on arn:aws:iam::*:role/*";
    let across = "a wildcard before the resource of an ARN stands for more than one field";
    assert_eq!(scope(line, "iam:DeleteUser").3, across);
    assert_eq!(scope(line, "iam:DeleteRole").3, "");
}
