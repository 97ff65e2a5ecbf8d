package store

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// An expression collects the names, values and conditions of one request. A path
// is an attribute's name, or names joined by dots for a member of a map, such as
// "run.status". Every name gets an alias, because DynamoDB reserves many words
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeNames.html).
type expression struct {
	names      map[string]string
	values     record
	conditions []string
}

// path writes a path with the aliases of its names.
func (e *expression) path(path string) string {
	if e.names == nil {
		e.names = map[string]string{}
	}

	names := strings.Split(path, ".")
	for i, name := range names {
		alias := "#" + name
		e.names[alias] = name
		names[i] = alias
	}

	return strings.Join(names, ".")
}

// value adds a value and returns its alias.
func (e *expression) value(v types.AttributeValue) string {
	if e.values == nil {
		e.values = record{}
	}

	alias := ":v" + strconv.Itoa(len(e.values))
	e.values[alias] = v

	return alias
}

// when adds conditions, all of which must hold.
func (e *expression) when(conditions ...condition) {
	for _, c := range conditions {
		e.conditions = append(e.conditions, c(e))
	}
}

// condition is all conditions joined, nil when there are none.
func (e *expression) condition() *string { return optional(strings.Join(e.conditions, " AND ")) }

// projection lists attributes to read.
func (e *expression) projection(names []string) *string {
	aliases := make([]string, len(names))
	for i, name := range names {
		aliases[i] = e.path(name)
	}

	return optional(strings.Join(aliases, ", "))
}

// A condition writes itself into an expression.
type condition func(*expression) string

func compare(path, operator string, v types.AttributeValue) condition {
	return func(e *expression) string { return e.path(path) + " " + operator + " " + e.value(v) }
}

func equal(path string, v types.AttributeValue) condition   { return compare(path, "=", v) }
func differs(path string, v types.AttributeValue) condition { return compare(path, "<>", v) }
func less(path string, v types.AttributeValue) condition    { return compare(path, "<", v) }
func atMost(path string, v types.AttributeValue) condition  { return compare(path, "<=", v) }
func more(path string, v types.AttributeValue) condition    { return compare(path, ">", v) }

func exists(path string) condition {
	return func(e *expression) string { return "attribute_exists(" + e.path(path) + ")" }
}

func absent(path string) condition {
	return func(e *expression) string { return "attribute_not_exists(" + e.path(path) + ")" }
}

// hasType checks a type by DynamoDB's code, such as "M" for a map.
func hasType(path, code string) condition {
	return func(e *expression) string { return "attribute_type(" + e.path(path) + ", " + e.value(text(code)) + ")" }
}

func startsWith(path, prefix string) condition {
	return func(e *expression) string { return "begins_with(" + e.path(path) + ", " + e.value(text(prefix)) + ")" }
}

// fewer checks that a map or a list has less than n members.
func fewer(path string, n int64) condition {
	return func(e *expression) string { return "size(" + e.path(path) + ") < " + e.value(number(n)) }
}

func not(c condition) condition {
	return func(e *expression) string { return "NOT " + c(e) }
}

func all(conditions ...condition) condition    { return joined(" AND ", conditions) }
func either(conditions ...condition) condition { return joined(" OR ", conditions) }

func joined(operator string, conditions []condition) condition {
	return func(e *expression) string {
		parts := make([]string, len(conditions))
		for i, c := range conditions {
			parts[i] = c(e)
		}

		if len(parts) == 1 { // DynamoDB refuses redundant parentheses
			return parts[0]
		}

		return "(" + strings.Join(parts, operator) + ")"
	}
}

// An update collects what one UpdateItem changes and the conditions under which it
// does. Its methods return the update, so that calls can be chained.
type update struct {
	expression
	sets, removes, adds []string
}

func newUpdate() *update { return new(update) }

// set gives an attribute a value.
func (u *update) set(path string, v types.AttributeValue) *update {
	u.sets = append(u.sets, u.path(path)+" = "+u.value(v))
	return u
}

// setDefault gives an attribute a value if it has none.
func (u *update) setDefault(path string, v types.AttributeValue) *update {
	at := u.path(path)
	u.sets = append(u.sets, at+" = if_not_exists("+at+", "+u.value(v)+")")

	return u
}

// setTime sets a time in Unix milliseconds, or removes it where it is zero.
func (u *update) setTime(path string, t time.Time) *update {
	if t.IsZero() {
		return u.remove(path)
	}

	return u.set(path, millis(t))
}

// increment adds one to a number, which counts as 0 where it is absent. Unlike add
// it also takes a member of a map.
func (u *update) increment(path string) *update {
	at := u.path(path)
	u.sets = append(u.sets, at+" = if_not_exists("+at+", "+u.value(number(0))+") + "+u.value(number(1)))

	return u
}

// add adds to a number, which counts as 0 where it is absent.
func (u *update) add(path string, n int64) *update {
	u.adds = append(u.adds, u.path(path)+" "+u.value(number(n)))
	return u
}

// remove removes attributes.
func (u *update) remove(paths ...string) *update {
	for _, path := range paths {
		u.removes = append(u.removes, u.path(path))
	}

	return u
}

// when adds conditions, all of which must hold.
func (u *update) when(conditions ...condition) *update {
	u.expression.when(conditions...)
	return u
}

// text is the update expression, nil when nothing changes.
func (u *update) text() *string {
	var clauses []string
	for _, clause := range []struct {
		verb  string
		parts []string
	}{{"SET", u.sets}, {"REMOVE", u.removes}, {"ADD", u.adds}} {
		if len(clause.parts) > 0 {
			clauses = append(clauses, clause.verb+" "+strings.Join(clause.parts, ", "))
		}
	}

	return optional(strings.Join(clauses, " "))
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
