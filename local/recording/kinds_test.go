package recording

import (
	"fmt"
	"testing"
)

func TestKinds(t *testing.T) {
	for text, want := range map[string]string{
		`7`:            "map[:number]",
		`[]`:           "map[:array]",
		`[1,"a",null]`: "map[:array []:null|number|string]",
		`{"a":{"b":true},"c":[{"d":1},{"d":"x"}],"e":null}`: "map[:object a:object a.b:boolean c:array c[]:object c[].d:number|string e:null]",
	} {
		got, err := Kinds([]byte(text))
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
	}

	if _, err := Kinds([]byte(`{"a":`)); err == nil {
		t.Error("half a text has kinds")
	}
}

func TestKindsDiffer(t *testing.T) {
	recorded := `{"id":1,"body":null,"labels":[{"name":"a"}],"gone":true}`
	for answered, want := range map[string]string{
		`{"id":2,"body":null,"labels":[],"more":1}`:      "[]",
		`{"id":"2","body":"","labels":[{"name":"b"}]}`:   `["body" is string, recorded null "id" is string, recorded number]`,
		`{"id":2,"body":null,"labels":[{"name":["b"]}]}`: `["labels[].name" is array, recorded string]`,
		`[]`: `["" is array, recorded object]`,
		`{"id":3,"body":null,"labels":"a","gone":"true"}`: `["gone" is string, recorded boolean "labels" is string, recorded array]`,
	} {
		got, err := KindsDiffer([]byte(recorded), []byte(answered))
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v, want %s", answered, got, err, want)
		}
	}

	for _, texts := range [][2]string{{`{`, `{}`}, {`{}`, `{`}} {
		if _, err := KindsDiffer([]byte(texts[0]), []byte(texts[1])); err == nil {
			t.Errorf("%v can be compared", texts)
		}
	}
}

func FuzzKinds(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}],"c.d":{"":"x"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		kinds, err := Kinds(text)
		if err != nil {
			return
		}

		if kinds[""] == "" {
			t.Errorf("%q has no kind", text)
		}

		if differences, err := KindsDiffer(text, text); err != nil || len(differences) > 0 {
			t.Errorf("%q differs from itself: %v, %v", text, differences, err)
		}
	})
}
