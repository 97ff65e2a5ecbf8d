package store

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// A record is one item of the table: attribute values by name.
type record = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func truth(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }

func blob(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func idOf(id domain.Snowflake) types.AttributeValue { return number(int64(id)) }

// millis is a time in Unix milliseconds.
func millis(t time.Time) types.AttributeValue { return number(t.UnixMilli()) }

// fields is a struct as a map attribute.
func fields(v any) types.AttributeValue { return &types.AttributeValueMemberM{Value: mustEncode(v)} }

// encode turns a struct into attributes named by its JSON tags. A member with
// the tag omitempty is left out if it has no value, a time too.
func encode(v any) (record, error) {
	encoder := attributevalue.NewEncoder(func(o *attributevalue.EncoderOptions) {
		o.TagKey = "json"
		o.OmitEmptyTime = true
	})
	av, err := encoder.Encode(v)
	if err != nil {
		return nil, err
	}

	m, ok := av.(*types.AttributeValueMemberM)
	if !ok {
		return nil, fmt.Errorf("%T does not encode to a map", v)
	}

	return m.Value, nil
}

// mustEncode is for the structs of this module, which always encode.
func mustEncode(v any) record {
	r, err := encode(v)
	if err != nil {
		panic(err)
	}
	return r
}

func decode(r record, v any) error {
	return attributevalue.NewDecoder(func(o *attributevalue.DecoderOptions) { o.TagKey = "json" }).
		Decode(&types.AttributeValueMemberM{Value: r}, v)
}

// into decodes a record that may be absent.
func into[T any](r record, target **T) error {
	if r == nil {
		return nil
	}
	*target = new(T)
	return decode(r, *target)
}

// keyed adds a key to a record.
func keyed(k key, r record) record {
	r[partitionKey] = text(k.pk)
	r[sortKey] = text(k.sk)

	return r
}

// keyIn reads the key of a record.
func keyIn(r record) key { return key{textOf(r, partitionKey), textOf(r, sortKey)} }

func textOf(r record, name string) string {
	if s, ok := r[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// sizeOf estimates the bytes that DynamoDB counts for a record: the names and the
// values of its attributes
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
func sizeOf(r record) int {
	size := 0
	for name, value := range r {
		size += len(name) + valueSize(value)
	}

	return size
}

// containerSize is what a list or a map costs beside its members.
const containerSize = 3

// numberSize is the most that a number takes.
const numberSize = 21

func valueSize(value types.AttributeValue) int {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return numberSize
	case *types.AttributeValueMemberM:
		return containerSize + len(v.Value) + sizeOf(v.Value)
	case *types.AttributeValueMemberL:
		size := containerSize
		for _, member := range v.Value {
			size += 1 + valueSize(member)
		}
		return size
	}

	return 1
}
