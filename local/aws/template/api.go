package template

import (
	"errors"
	"fmt"
	"strings"
)

func addAPI(_ *Template, _ string, _ *resource, p *properties) error {
	p.only("ProtocolType", "HTTP")
	return nil
}

func addStage(t *Template, _ string, _ *resource, p *properties) error {
	p.reference("ApiId", apiType)
	p.only("StageName", "$default")
	p.only("AutoDeploy", "true")
	settings := p.object("RouteSettings")
	for route := range settings.values {
		limits := settings.object(route)
		t.Throttles[route] = Throttle{float64(limits.number("ThrottlingRateLimit", 0)), float64(limits.number("ThrottlingBurstLimit", 0))}
		settings.close(limits, route)
	}

	p.close(settings, "RouteSettings")

	return nil
}

func addIntegration(_ *Template, _ string, _ *resource, p *properties) error {
	_, err := integrationOf(p)
	return err
}

// integrationOf gives the logical id of the function an integration calls.
func integrationOf(p *properties) (string, error) {
	p.reference("ApiId", apiType)
	p.only("IntegrationType", "AWS_PROXY")
	p.only("PayloadFormatVersion", "2.0")
	p.only("IntegrationMethod", "", "POST")
	p.take("TimeoutInMillis")
	uri := p.required("IntegrationUri")
	for id, res := range p.resolver.resources {
		if res.Type != functionType {
			continue
		}

		if arn := p.self(id, "Arn"); uri == arn || strings.HasSuffix(uri, "/functions/"+arn+"/invocations") {
			return id, nil
		}
	}

	return "", fmt.Errorf("IntegrationUri %s is not a function of the stack", uri)
}

func addAuthorizer(_ *Template, _ string, _ *resource, p *properties) error {
	_, err := authorizerOf(p)
	return err
}

func authorizerOf(p *properties) (Authorizer, error) {
	p.reference("ApiId", apiType)
	p.only("AuthorizerType", "JWT")
	token := p.object("JwtConfiguration")
	a := Authorizer{
		Issuer: token.required("Issuer"), Audience: token.texts("Audience"),
		IdentitySource: p.texts("IdentitySource"),
	}
	p.close(token, "JwtConfiguration")
	if len(a.IdentitySource) != 1 || a.IdentitySource[0] != "$request.header.Authorization" {
		return a, fmt.Errorf("IdentitySource %q is unknown to the local environment", a.IdentitySource)
	}
	if len(a.Audience) == 0 {
		return a, errors.New("JwtConfiguration has no Audience")
	}

	return a, nil
}

func addRoute(t *Template, _ string, _ *resource, p *properties) error {
	p.reference("ApiId", apiType)
	p.only("AuthorizationType", "JWT")
	method, path, ok := strings.Cut(p.required("RouteKey"), " ")
	if !ok {
		return errors.New("RouteKey has no method and path")
	}

	r := Route{Method: method, Path: path, Scopes: p.texts("AuthorizationScopes")}
	authorizer, err := p.other(p.reference("AuthorizerId", authorizerType))
	if err != nil {
		return err
	}

	if r.Authorizer, err = authorizerOf(authorizer); err != nil {
		return err
	}

	id, _ := strings.CutPrefix(p.required("Target"), "integrations/")
	integration, err := p.other(id)
	if err != nil {
		return fmt.Errorf("Target: %w", err)
	}

	if r.Function, err = integrationOf(integration); err != nil {
		return err
	}

	t.Routes = append(t.Routes, r)

	return nil
}

// other opens another resource of the template.
func (p *properties) other(id string) (*properties, error) {
	res := p.resolver.resources[id]
	if res == nil {
		return nil, fmt.Errorf("%q is not a resource of the stack", id)
	}
	return &properties{resolver: p.resolver, values: res.Properties}, nil
}
