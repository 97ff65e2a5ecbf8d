package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"

	"example.com/integrations/shared/domain"
)

// moved puts an event into the organisation asked for.
func (l Loader) moved(detailType string, detail []byte) ([]byte, error) {
	if l.Organisation == "" {
		return detail, nil
	}

	to, err := domain.ParseSnowflake(l.Organisation)
	if err != nil {
		return nil, fmt.Errorf("organisation %q %w", l.Organisation, err)
	}

	var members map[string]json.RawMessage
	if err := json.Unmarshal(detail, &members); err != nil {
		return nil, err
	}

	own, _ := to.MarshalJSON()
	if strings.HasPrefix(detailType, "organisation.") {
		members["id"] = own
		return json.Marshal(members)
	}

	if strings.HasPrefix(detailType, "item.") && string(members["organisation_id"]) != string(own) {
		var id domain.Snowflake
		if err := json.Unmarshal(members["id"], &id); err != nil {
			return nil, fmt.Errorf("id %w", err)
		}
		members["id"], _ = Shifted(to, id).MarshalJSON()
	}

	members["organisation_id"] = own

	return json.Marshal(members)
}

// Shifted is the id that an item has in another organisation than its own: the
// same distance from its own for all items, so that no two meet.
func Shifted(to, id domain.Snowflake) domain.Snowflake {
	const most = 1<<63 - 1
	h := fnv.New64a()
	_, _ = h.Write([]byte(to.String()))
	return (id-1+domain.Snowflake(h.Sum64()%most))%most + 1
}
