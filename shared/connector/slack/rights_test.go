package slack

import (
	"testing"

	"example.com/integrations/shared/connector/connectortest"
)

func TestThePageShowsWhatIsNeeded(t *testing.T) {
	connectortest.DocumentsNeeds(t, "slack", Needs)
}
