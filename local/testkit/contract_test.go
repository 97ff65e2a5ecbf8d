package testkit

import (
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"example.com/integrations/docs/openapi"
	"example.com/integrations/local/aws/template"
	"example.com/integrations/shared/domain"
)

func TestTheDocumentIsOpenAPI(t *testing.T) {
	text, err := openapi.Document()
	if err != nil {
		t.Fatal(err)
	}

	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}

	// The forms have formats and annotations of our own, and our own tests.
	maps.DeleteFunc(document.Components.Schemas, func(name string, _ *openapi3.SchemaRef) bool {
		return strings.HasSuffix(name, "Configuration") && name != "Configuration"
	})
	if err := document.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}

	if strings.Contains(string(text), "../") {
		t.Error("the document refers to files")
	}
}

func TestRoutesAreTheStacks(t *testing.T) {
	snapshot, err := os.ReadFile("../../infra/testdata/template.json")
	if err != nil {
		t.Fatal(err)
	}

	stack, err := template.Parse(snapshot, template.Parameters{Region: "eu-central-1", AccountID: "000000000000", StackName: "Integrations-test"})
	if err != nil {
		t.Fatal(err)
	}

	var routes []string
	for _, r := range stack.Routes {
		routes = append(routes, r.Method+" "+r.Path)
	}

	var documented []string
	for _, o := range MustContract().Operations {
		documented = append(documented, o.Method+" "+o.Path)
	}

	slices.Sort(routes)
	slices.Sort(documented)
	if !slices.Equal(routes, documented) {
		t.Errorf("the stack has\n%s\nthe document\n%s", strings.Join(routes, "\n"), strings.Join(documented, "\n"))
	}
}

func TestEnumerationsAreTheDomains(t *testing.T) {
	for schema, want := range map[string][]string{
		"ItemType": names(domain.ItemTypes), "Provider": names(domain.Providers), "Outcome": names(domain.Outcomes),
		"Mode": names([]domain.Mode{domain.Incremental, domain.Full}), "Trigger": names([]domain.Trigger{domain.ByRequest, domain.ByEvent, domain.BySchedule}),
		"RunStatus": names([]domain.Status{domain.Queued, domain.Running, domain.Waiting, domain.Succeeded, domain.Partial, domain.Failed, domain.Cancelled}),
		"Health":    names([]domain.HealthState{domain.HealthUnknown, domain.Healthy, domain.Unhealthy}),
	} {
		if got := MustContract().Enum(schema); !slices.Equal(got, want) {
			t.Errorf("%s: %v, the domain has %v", schema, got, want)
		}
	}

	schemas := MustContract().at("components", "schemas")
	if got, want := texts(schemas.to("PlanRow").to("properties").to("action").to("enum").value), names([]domain.PlanAction{domain.PlanCreate, domain.PlanUpdate, domain.PlanSkip, domain.PlanReconcile}); !slices.Equal(got, want) {
		t.Errorf("plan actions %v, the domain has %v", got, want)
	}

	if got, want := texts(schemas.to("Remote").to("properties").to("state").to("enum").value), names([]domain.ItemState{domain.Open, domain.Closed}); !slices.Equal(got, want) {
		t.Errorf("states %v, the domain has %v", got, want)
	}

	var forms []string
	for _, form := range schemas.to("Configuration").to("contentSchema").to("anyOf").each() {
		forms = append(forms, strings.ToLower(strings.TrimSuffix(form.pointer[strings.LastIndex(form.pointer, "/")+1:], "Configuration")))
	}

	if !slices.Equal(forms, names(domain.Providers)) {
		t.Errorf("forms of %v", forms)
	}
}

func names[T ~string](all []T) []string {
	var names []string
	for _, one := range all {
		names = append(names, string(one))
	}
	return names
}

// The members of what the domain answers, and of the document, are the same.
func TestMembersAreTheDomains(t *testing.T) {
	for schema, value := range map[string]any{
		"Integration": domain.Integration{}, "Run": domain.Run{}, "Counts": domain.Counts{}, "Reason": domain.RunError{},
		"LedgerRow": domain.LedgerRow{}, "Remote": domain.Remote{}, "PlanRow": domain.PlanRow{}, "FieldError": domain.FieldError{},
	} {
		var want []string
		for f := range reflect.TypeOf(value).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(value).Field(f).Tag.Get("json"), ",")
			want = append(want, name)
		}

		slices.Sort(want)
		if got := MustContract().at("components", "schemas", schema, "properties").members(); !slices.Equal(got, want) {
			t.Errorf("%s has %v, the domain %v", schema, got, want)
		}
	}
}

// optional are the members that a body may go without: those of what callers
// send, and the fields of a problem that has none.
var optional = map[string][]string{
	"NewIntegration": {"enabled"}, "IntegrationChange": {"configuration", "enabled"}, "SyncRequest": {"accept_target", "announce", "dry_run", "mode"},
	"CheckRequest": {"post"}, "RetryRequest": {"item_ids"}, "Problem": {"errors"},
}

// Whatever is added to an answer or taken from it must show: objects are closed
// and their members required.
func TestSchemasAreStrict(t *testing.T) {
	schemas := MustContract().at("components", "schemas")
	for _, name := range schemas.members() {
		if strings.HasSuffix(name, "Configuration") {
			continue
		}

		walk(schemas.to(name), func(n node) {
			properties := n.to("properties")
			if properties.value == nil {
				return
			}

			if n.to("additionalProperties").value != false {
				t.Errorf("%s is open", n.pointer)
			}

			required := texts(n.to("required").value)
			if left := slices.DeleteFunc(properties.members(), func(m string) bool { return slices.Contains(required, m) }); !slices.Equal(left, optional[name]) {
				t.Errorf("%s: %v are optional, want %v", n.pointer, left, optional[name])
			}
		})
	}
}

func walk(n node, visit func(node)) {
	visit(n)
	for _, member := range n.members() {
		below := n.to(member)
		if !strings.HasPrefix(below.pointer, n.pointer+"/") {
			continue // a reference to what is visited by itself
		}
		walk(below, visit)
	}

	for _, one := range n.each() {
		if strings.HasPrefix(one.pointer, n.pointer+"/") {
			walk(one, visit)
		}
	}
}

// Every answer and every body has an example, every code its own, and each is
// what the document says.
func TestExamples(t *testing.T) {
	for _, o := range MustContract().Operations {
		if o.node.to("summary").value == nil || len(o.node.to("tags").each()) != 1 {
			t.Errorf("%s has no summary, or not one tag", o.ID)
		}

		body := o.node.to("requestBody")
		for _, media := range body.to("content").members() {
			examples := body.to("content").to(media).bodies()
			if len(examples) == 0 {
				t.Errorf("%s has no example of a body of %s", o.ID, media)
			}

			for _, example := range examples {
				if err := o.requestBody(Request{Header: http.Header{"Content-Type": {media}}, Body: example}); err != nil {
					t.Errorf("%s: %v", o.ID, err)
				}
			}
		}

		cases := map[ContractCase]int{}
		for _, a := range o.Examples() {
			if err := o.Answer(a); err != nil {
				t.Error(err)
			}
			cases[o.CaseOf(a)]++
		}

		for _, one := range MustContract().Cases() {
			if one.Operation == o.ID && (cases[one] == 0 || one.Code != "" && cases[one] > 1) {
				t.Errorf("%s has %d examples", one, cases[one])
			}
			delete(cases, one)
		}

		if len(cases) > 0 {
			t.Errorf("examples of what is not documented: %v", cases)
		}
	}
}
