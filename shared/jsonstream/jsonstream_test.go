package jsonstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

type inner struct {
	Key  string `json:"key"`
	Note *string
}

type sample struct {
	ID      int                        `json:"id"`
	Title   string                     `json:"title"`
	At      time.Time                  `json:"at"`
	Raw     json.RawMessage            `json:"raw"`
	Any     any                        `json:"any"`
	Labels  []string                   `json:"labels"`
	Fields  map[string]inner           `json:"fields"`
	More    map[string]json.RawMessage `json:"more"`
	Present *struct{}                  `json:"present"`
	Deep    []sample                   `json:"deep"`
	Hidden  string                     `json:"-"`
	inner
}

const text = `{"id":7,"title":"a\"\u00e9","unknown":{"x":[1,2,{"y":null}],"z":"}"},"at":"2026-11-23T10:00:00Z","raw":{"any":[1]},"any":[1,{"a":2}],
"labels":["x","y"],"fields":{"f1":{"key":"k","allowedValues":[{"id":"1"},{"id":"2"}],"note":"n"},"f2":{}},"more":{"a":1},"present":{"url":"x"},
"deep":[{"id":1,"skipped":[true,false]},{"TITLE":"case"}],"key":"embedded"}`

func TestDecodeIsUnmarshal(t *testing.T) {
	var got, want sample
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}

	if err := Decode(iotest.OneByteReader(strings.NewReader(text)), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v\n got %+v\nwant %+v", err, got, want)
	}
}

// A text that ends too early never counts as a whole one, wherever it ends.
func TestACutText(t *testing.T) {
	for n := range len(text) {
		var got sample
		if err := Decode(strings.NewReader(text[:n]), &got); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}

		if err := NewReader(strings.NewReader(text[:n])).Skip(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("skipped, cut after %d bytes: %v", n, err)
		}
	}

	broken := errors.New("broken")
	if err := Decode(io.MultiReader(strings.NewReader(text[:50]), iotest.ErrReader(broken)), &sample{}); !errors.Is(err, broken) {
		t.Errorf("the stream's own error is lost: %v", err)
	}
}

func TestNotJSON(t *testing.T) {
	for _, bad := range []string{
		"<html>", "{]", "[}", `{"a" 1}`, `{"a":1,}`, "[1,]", "[1 2]", "01", "1.", "-", "1e", "+1", "nul", "truE", "'a'", `"\x"`, `"\u12g4"`, "\"\n\"", "[] []", "{}x", "{1:2}",
		strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
	} {
		var got any
		if err := Decode(strings.NewReader(bad), &got); err == nil {
			t.Errorf("%.20q is taken for %v", bad, got)
		}

		r := NewReader(strings.NewReader(bad))
		if err := errors.Join(r.Skip(), r.End()); err == nil {
			t.Errorf("%.20q is skipped", bad)
		}
	}
}

func TestObjectSkipsWhatIsNotRead(t *testing.T) {
	r := NewReader(strings.NewReader(`{"a":{"b":[1]},"list":[{"key":"1"},2,{"key":"3"}],"c":4}`))
	var got []string
	err := r.Object(func(name string) error {
		got = append(got, name)
		if name != "list" {
			return nil
		}

		n := 0

		return r.Array(func() error {
			if n++; n == 2 {
				return nil
			}

			var one inner
			err := r.Decode(&one)
			got = append(got, one.Key)
			return err
		})
	})
	if err := errors.Join(err, r.End()); err != nil || fmt.Sprint(got) != "[a list 1 3 c]" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTooLarge(t *testing.T) {
	large := `{"title":"` + strings.Repeat("x", MaxHeld) + `"}`
	if err := Decode(strings.NewReader(large), &sample{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("held: %v", err)
	}

	if err := Decode(strings.NewReader(large), &inner{}); err != nil {
		t.Errorf("skipped: %v", err)
	}

	if err := Decode(strings.NewReader(`{"`+strings.Repeat("x", maxName)+`":1}`), &inner{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a name: %v", err)
	}
}

func TestRest(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		from io.Reader
		want string
		err  error
	}{
		{strings.NewReader(`{"a":1}`), "", nil}, {strings.NewReader("{} \n"), "", nil}, {strings.NewReader("{} \n <br /> "), "<br /> ", nil},
		{strings.NewReader("[1]" + strings.Repeat("x", 100)), strings.Repeat("x", 100), nil}, {strings.NewReader("[1]" + strings.Repeat("x", 101)), "", ErrTooLarge},
		{io.MultiReader(strings.NewReader("[]"), iotest.ErrReader(broken)), "", broken}, {io.MultiReader(strings.NewReader("[]x"), iotest.ErrReader(broken)), "", broken},
	} {
		r := NewReader(tt.from)
		if err := r.Skip(); err != nil {
			t.Fatal(err)
		}

		if rest, err := r.Rest(100); string(rest) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%q, %v; want %q, %v", rest, err, tt.want, tt.err)
		}
	}
}

// endless is a list of objects whose skipped member is large, of so many bytes.
func endless(bytes int) io.Reader {
	value := `{"key":"k","allowedValues":[` + strings.Repeat(`{"id":"10001","value":"an option"},`, 40_000) + `{}]},`
	parts := []io.Reader{strings.NewReader("[")}
	for n := 0; n < bytes; n += len(value) {
		parts = append(parts, strings.NewReader(value))
	}
	return io.MultiReader(append(parts, strings.NewReader("{}]"))...)
}

// B14: what is skipped takes no memory.
func TestSkippingTakesNoMemory(t *testing.T) {
	from := endless(60 << 20)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	if err := Each(from, func(one inner) { n++ }); err != nil || n < 40 {
		t.Fatal(n, err)
	}

	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("60 MiB were read with %d bytes", took)
	}
}

func BenchmarkSkip(b *testing.B) {
	b.SetBytes(60 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if err := Each(endless(60<<20), func(inner) {}); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzDecode: the outcome is that of json.Unmarshal, which holds everything.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(text))
	for _, seed := range []string{
		"null", "[]", `[{"id":1},null]`, `{"id":1e2,"labels":{}}`, `{"fields":[1],"deep":{"a":1}}`, `{"id":1,"id":2,"ID":3}`, "{\"\\u0069d\":5}", `{"present":5,"at":"x"}`,
		"{\"title\":\"\xff\",\"ſ\":1}", `{"any":-0.5E+7,"raw":tru}`, ` { "Key" : "x" , "note" : null } `, `{"deep":[{"deep":[{"deep":null}]}]}`, `{"more":{"a":[{}],"a":{}}}`,
	} {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want sample
		err := Decode(strings.NewReader(string(data)), &got)
		wanted := json.Unmarshal(data, &want)
		if (err == nil) != (wanted == nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n got %+v, %v\nwant %+v, %v", data, got, err, want, wanted)
		}

		r := NewReader(iotest.HalfReader(strings.NewReader(string(data))))
		if err := errors.Join(r.Skip(), r.End()); (err == nil) != json.Valid(data) {
			t.Errorf("%q is skipped: %v", data, err)
		}

		var list, unmarshalled []inner
		err = Each(strings.NewReader(string(data)), func(one inner) { list = append(list, one) })
		wanted = json.Unmarshal(data, &unmarshalled)
		if isList := wanted == nil && unmarshalled != nil; isList != (err == nil) || isList && len(list) != len(unmarshalled) {
			t.Errorf("%q as a list: %v, %v; want %v, %v", data, list, err, unmarshalled, wanted)
		}
	})
}
