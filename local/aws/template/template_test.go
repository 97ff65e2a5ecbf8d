package template

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

var parameters = Parameters{Region: "eu-central-1", AccountID: "000000000000", StackName: "Integrations-local"}

// stack is a template as CDK synthesizes it, cut down.
func stack(t testing.TB) map[string]any {
	t.Helper()
	data, err := os.ReadFile("testdata/stack.json")
	if err != nil {
		t.Fatal(err)
	}

	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}

	return doc
}

func parse(t testing.TB, doc map[string]any) (*Template, error) {
	t.Helper()
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(data, parameters)
}

func parsed(t testing.TB) *Template {
	t.Helper()
	got, err := parse(t, stack(t))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestFunctions(t *testing.T) {
	found := map[string]Function{}
	for _, f := range parsed(t).Functions {
		found[f.Short] = f
	}

	worker := found["providersync"]
	if worker.Name != "integrations-local-providersync" || worker.Timeout != 20*time.Second || worker.RecursiveLoop != "Allow" ||
		worker.ARN != "arn:aws:lambda:eu-central-1:000000000000:function:integrations-local-providersync" || worker.LogFormat != "JSON" {
		t.Errorf("providersync: %+v", worker)
	}

	if got := worker.Environment["SYNC_QUEUE_URL"]; got != "https://sqs.eu-central-1.amazonaws.com/000000000000/integrations-local-sync" {
		t.Errorf("SYNC_QUEUE_URL %s", got)
	}

	if get := found["get"]; get.Environment["TABLE_NAME"] != "integrations-local" || get.RecursiveLoop != "Terminate" || get.MemoryMB != 128 {
		t.Errorf("get: %+v", get)
	}
}

func TestRoutes(t *testing.T) {
	got := parsed(t)
	want := Route{
		Method: "GET", Path: "/integrations/{integration.id}",
		Authorizer: Authorizer{
			Issuer: "http://127.0.0.1:1234", Audience: []string{"integrations-local"},
			IdentitySource: []string{"$request.header.Authorization"},
		},
	}
	if len(got.Routes) != 1 {
		t.Fatalf("routes %+v", got.Routes)
	}

	route := got.Routes[0]
	if f := got.Function(route.Function); f == nil || f.Short != "get" {
		t.Errorf("leads to %q", route.Function)
	}

	route.Function = ""
	if !reflect.DeepEqual(route, want) {
		t.Errorf("route %+v", route)
	}

	if limits := got.Throttles["GET /integrations/{integration.id}"]; limits != (Throttle{100, 200}) || len(got.Throttles) != 3 {
		t.Errorf("throttles %+v", got.Throttles)
	}
}

func TestQueuesAndMappings(t *testing.T) {
	got := parsed(t)
	queues := map[string]Queue{}
	for _, q := range got.Queues {
		queues[q.Name] = q
	}

	sync := queues["integrations-local-sync"]
	if sync.DeadLetterARN != queues["integrations-local-sync-dead"].ARN || sync.MaxReceives != 5 || sync.Attributes["VisibilityTimeout"] != "120" {
		t.Errorf("sync queue %+v", sync)
	}

	for _, m := range got.Mappings {
		f := got.Function(m.Function)
		switch {
		case f.Short == "providersync" && m.QueueARN == sync.ARN && m.BatchSize == 1 && m.MaximumConcurrency == 4:
		case f.Short == "ingest" && m.BatchSize == 10 && m.MaximumConcurrency == 2:
		default:
			t.Errorf("mapping %+v", m)
		}

		if !m.PartialFailures || !m.Enabled {
			t.Errorf("mapping %+v", m)
		}
	}

	if len(got.Mappings) != 2 || len(got.Queues) != 4 {
		t.Errorf("%d mappings, %d queues", len(got.Mappings), len(got.Queues))
	}
}

func TestRules(t *testing.T) {
	got := parsed(t)
	var scheduled, matched int
	for _, r := range got.Rules {
		switch {
		case r.Schedule == "rate(1 minute)" && r.Bus == "default":
			scheduled++
		case r.Bus == "integrations-local" && r.Targets[0].MessageGroupID == "$.detail.organisation_id" &&
			strings.HasSuffix(r.Targets[0].DeadLetterARN, ":integrations-local-ingest-dead") && strings.Contains(string(r.Pattern), "item.created"):
			matched++
		}
	}

	if scheduled != 1 || matched != 1 {
		t.Errorf("rules %+v", got.Rules)
	}
}

func TestTable(t *testing.T) {
	want := Table{
		LogicalID: parsed(t).Tables[0].LogicalID, Name: "integrations-local",
		ARN:        "arn:aws:dynamodb:eu-central-1:000000000000:table/integrations-local",
		Attributes: map[string]string{"pk": "S", "sk": "S", "due_shard": "S", "due_at": "N", "outcome_pk": "S"},
		Hash:       "pk", Sort: "sk", TimeToLive: "expires_at",
		Indexes: []Index{
			{Name: "due", Hash: "due_shard", Sort: "due_at", Projection: "INCLUDE", NonKey: []string{"organisation_id"}},
			{Name: "outcome", Hash: "outcome_pk", Sort: "sk", Projection: "ALL"},
		},
	}
	if got := parsed(t).Tables[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("table %+v", got)
	}
}

func TestBusAndKey(t *testing.T) {
	got := parsed(t)
	if len(got.Buses) != 1 || got.Buses[0].Name != "integrations-local" || len(got.Keys) != 2 || got.Keys[0].ID == got.Keys[1].ID {
		t.Fatalf("%+v %+v", got.Buses, got.Keys)
	}

	kinds := map[string]bool{}
	for _, key := range got.Keys {
		if key.ARN != "arn:aws:kms:eu-central-1:000000000000:key/"+key.ID {
			t.Errorf("%+v", key)
		}
		kinds[fmt.Sprint(key.Spec, " ", key.Usage, " ", key.Seals())] = true
	}

	if !kinds["SYMMETRIC_DEFAULT ENCRYPT_DECRYPT true"] || !kinds["HMAC_256 GENERATE_VERIFY_MAC false"] {
		t.Errorf("%v", kinds)
	}
}

// TestWhatIsUnknownIsNamed changes one thing at a time that the local
// environment does not run.
func TestWhatIsUnknownIsNamed(t *testing.T) {
	first := func(doc map[string]any, kind string) map[string]any {
		for _, r := range doc["Resources"].(map[string]any) {
			if r := r.(map[string]any); r["Type"] == kind {
				return r
			}
		}

		t.Fatalf("no %s in the fixture", kind)
		return nil
	}

	property := func(kind, name string, value any) func(map[string]any) {
		return func(doc map[string]any) { first(doc, kind)["Properties"].(map[string]any)[name] = value }
	}
	object := func(pairs ...any) map[string]any {
		out := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i].(string)] = pairs[i+1]
		}
		return out
	}
	for name, tc := range map[string]struct {
		change func(map[string]any)
		want   string
	}{
		"resource": {func(doc map[string]any) {
			doc["Resources"].(map[string]any)["Store"] = object("Type", "AWS::S3::Bucket")
		}, "Store (AWS::S3::Bucket)"},
		"condition": {func(doc map[string]any) { first(doc, queueType)["Condition"] = "InProduction" }, "condition"},
		"intrinsic": {property(queueType, "DelaySeconds", object("Fn::ImportValue", "x")), "Fn::ImportValue"},
		"property":  {property(queueType, "FifoQueue", true), "FifoQueue"},
		"nested":    {property("AWS::Lambda::EventSourceMapping", "ScalingConfig", object("MinimumConcurrency", 2)), "MinimumConcurrency"},
		"response":  {property("AWS::Lambda::EventSourceMapping", "FunctionResponseTypes", []any{"Other"}), "FunctionResponseTypes"},
		"filter":    {property("AWS::Lambda::EventSourceMapping", "FilterCriteria", object()), "FilterCriteria"},
		"reference": {property("AWS::Lambda::EventSourceMapping", "FunctionName", object("Ref", "Nobody")), "Nobody"},
		"source":    {property("AWS::Lambda::EventSourceMapping", "EventSourceArn", "arn:aws:sqs:eu-central-1:1:other"), "arn:aws:sqs:eu-central-1:1:other"},
		"attribute": {property(queueType, "DelaySeconds", object("Fn::GetAtt", []any{"BusEA82B648", "Policy"})), "Policy"},
		"open":      {property("AWS::ApiGatewayV2::Route", "AuthorizationType", "NONE"), "AuthorizationType"},
		"target":    {property("AWS::ApiGatewayV2::Route", "Target", "integrations/none"), "none"},
		"payload":   {property(integrationType, "PayloadFormatVersion", "1.0"), "PayloadFormatVersion"},
		"identity":  {property(authorizerType, "IdentitySource", []any{"$request.querystring.token"}), "querystring"},
		"cors":      {property(apiType, "CorsConfiguration", object()), "CorsConfiguration"},
		"runtime":   {property(functionType, "Runtime", "nodejs22.x"), "Runtime"},
		"layers":    {property(functionType, "Layers", []any{}), "Layers"},
		"stream":    {property("AWS::DynamoDB::GlobalTable", "StreamSpecification", object()), "StreamSpecification"},
		"local":     {property("AWS::DynamoDB::GlobalTable", "LocalSecondaryIndexes", []any{}), "LocalSecondaryIndexes"},
		"input":     {property("AWS::Events::Rule", "Targets", []any{object("Id", "a", "Arn", "b", "InputPath", "$")}), "InputPath"},
		"keyspec":   {property("AWS::KMS::Key", "KeySpec", "RSA_2048"), "KeySpec"},
		"keyusage":  {property("AWS::KMS::Key", "KeyUsage", "SIGN_VERIFY"), "KeyUsage"},
		"keypair": {func(doc map[string]any) {
			doc["Resources"].(map[string]any)["Odd"] = object("Type", "AWS::KMS::Key", "Properties", object("KeySpec", "HMAC_256"))
		}, "ENCRYPT_DECRYPT with KeySpec HMAC_256"},
		"transform": {func(doc map[string]any) { doc["Transform"] = "AWS::Serverless" }, "transforms"},
	} {
		t.Run(name, func(t *testing.T) {
			doc := stack(t)
			tc.change(doc)
			_, err := parse(t, doc)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v does not name %s", err, tc.want)
			}
		})
	}
}

func TestIntrinsics(t *testing.T) {
	r := &resolver{parameters: parameters, naming: map[string]bool{}, resources: map[string]*resource{
		"Q": {Type: queueType, Properties: map[string]any{"QueueName": map[string]any{"Fn::Sub": "jobs-${AWS::Region}"}}},
	}}
	for text, want := range map[string]any{
		`{"Ref":"AWS::AccountId"}`: "000000000000",
		`{"Fn::Join":["-",["a",{"Ref":"AWS::Region"},{"Ref":"AWS::NoValue"}]]}`: "a-eu-central-1",
		`{"Fn::Sub":"${Q.QueueName}/${!x}/${AWS::Partition}"}`:                  "jobs-eu-central-1/${x}/aws",
		`{"Fn::GetAtt":"Q.Arn"}`: "arn:aws:sqs:eu-central-1:000000000000:jobs-eu-central-1",
		`{"a":{"Ref":"AWS::NoValue"},"b":[{"Ref":"AWS::URLSuffix"}]}`: map[string]any{"b": []any{"amazonaws.com"}},
	} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}

		if got, err := r.value(value); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}

	for _, text := range []string{
		`{"Ref":"Nobody"}`, `{"Ref":1}`, `{"Fn::GetAtt":["Q"]}`, `{"Fn::Join":"x"}`, `{"Fn::Join":["",[1]]}`,
		`{"Fn::Sub":["${x}",{"x":"y"}]}`, `{"Fn::Sub":"${Nobody}"}`, `{"Fn::If":["a","b","c"]}`,
	} {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}

		if got, err := r.value(value); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/stack.json")
	if err != nil {
		f.Fatal(err)
	}

	f.Add(data)
	f.Add([]byte(`{"Resources":{"A":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":{"Ref":"A"}}}}}`))
	f.Add([]byte(`{"Resources":{"A":null}}`))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = Parse(data, parameters) })
}
