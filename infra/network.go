package main

import (
	"net/netip"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// enterVPC puts a function into the operator's subnets, to reach providers in a private network. It may leave them to
// https anywhere and to what allowDial names, and nothing may come in. The subnets must have a way to DynamoDB, SQS and KMS.
func (s *service) enterVPC(d definition, f awslambda.Function) {
	egress := []any{
		outTo(netip.MustParsePrefix("0.0.0.0/0"), 443, "https"),
		outTo(netip.MustParsePrefix("::/0"), 443, "https"),
	}
	for _, rule := range s.AllowDial {
		egress = append(egress, outTo(rule.Network, rule.Port, "allowDial"))
	}

	group := awsec2.NewCfnSecurityGroup(s.Stack, id(d.name, "SecurityGroup"), &awsec2.CfnSecurityGroupProps{
		GroupName:           s.name(d.name),
		GroupDescription:    jsii.String("Lets " + *s.name(d.name) + " out to providers"),
		VpcId:               &s.VPC,
		SecurityGroupEgress: egress,
	})

	f.Node().DefaultChild().(awslambda.CfnFunction).SetVpcConfig(&awslambda.CfnFunction_VpcConfigProperty{
		SecurityGroupIds: &[]*string{group.AttrGroupId()},
		SubnetIds:        jsii.Strings(s.Subnets...),
	})
}

func outTo(network netip.Prefix, port uint16, why string) *awsec2.CfnSecurityGroup_EgressProperty {
	egress := &awsec2.CfnSecurityGroup_EgressProperty{
		IpProtocol:  jsii.String("tcp"),
		FromPort:    jsii.Number(port),
		ToPort:      jsii.Number(port),
		Description: &why,
	}
	if network.Addr().Is4() {
		egress.CidrIp = jsii.String(network.String())
	} else {
		egress.CidrIpv6 = jsii.String(network.String())
	}

	return egress
}

// networkActions is what Lambda does in the function's name to attach it to a VPC. EC2 gives none of the reads, and
// not the removal of an interface whose id is not known beforehand, a resource to name.
var networkActions = []string{
	"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
	"ec2:DescribeSubnets", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
}

// networkStatements let Lambda attach the function, and refuse the same to the function's own code.
func (s *service) networkStatements(d definition) []awsiam.PolicyStatement {
	own := s.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("lambda"), Resource: jsii.String("function"), ResourceName: s.name(d.name),
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
	return []awsiam.PolicyStatement{
		allow(on(jsii.String("*")), networkActions...),
		awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Effect:     awsiam.Effect_DENY,
			Actions:    jsii.Strings(networkActions...),
			Resources:  jsii.Strings("*"),
			Conditions: &map[string]any{"ArnEquals": map[string]any{"lambda:SourceFunctionArn": own}},
		}),
	}
}
