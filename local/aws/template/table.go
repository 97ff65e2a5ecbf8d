package template

import (
	"errors"
	"fmt"
)

func addTable(t *Template, id string, _ *resource, p *properties) error {
	table := Table{LogicalID: id, Name: p.self(id, "Ref"), ARN: p.self(id, "Arn"), Attributes: map[string]string{}}
	p.take("TableName")
	for _, definition := range p.objects("AttributeDefinitions") {
		table.Attributes[definition.required("AttributeName")] = definition.only("AttributeType", "S", "N", "B")
		p.close(definition, "AttributeDefinitions")
	}

	var err error
	if table.Hash, table.Sort, err = keySchema(p); err != nil {
		return err
	}

	for _, index := range p.objects("GlobalSecondaryIndexes", "WriteOnDemandThroughputSettings", "ReadOnDemandThroughputSettings") {
		one, err := readIndex(index)
		if err != nil {
			return err
		}

		table.Indexes = append(table.Indexes, one)
		p.close(index, "GlobalSecondaryIndexes")
	}

	ttl := p.object("TimeToLiveSpecification")
	if name := ttl.text("AttributeName"); ttl.only("Enabled", "", "true", "false") == "true" {
		table.TimeToLive = name
	}

	p.close(ttl, "TimeToLiveSpecification")
	t.Tables = append(t.Tables, table)

	return nil
}

func readIndex(p *properties) (Index, error) {
	projection := p.object("Projection")
	index := Index{
		Name: p.required("IndexName"), Projection: projection.only("ProjectionType", "ALL", "KEYS_ONLY", "INCLUDE"),
		NonKey: projection.texts("NonKeyAttributes"),
	}
	p.close(projection, "Projection")
	var err error
	index.Hash, index.Sort, err = keySchema(p)

	return index, err
}

func keySchema(p *properties) (hash, sort string, err error) {
	for _, key := range p.objects("KeySchema") {
		name := key.required("AttributeName")
		switch kind := key.text("KeyType"); {
		case kind == "HASH" && hash == "":
			hash = name
		case kind == "RANGE" && sort == "":
			sort = name
		default:
			return "", "", fmt.Errorf("KeySchema: %s %s is unknown to the local environment", kind, name)
		}

		p.close(key, "KeySchema")
	}

	if hash == "" {
		return "", "", errors.New("KeySchema has no HASH key")
	}

	return hash, sort, nil
}
