package slack

import (
	"testing"

	"integrations/shared/connector/connectortest"
)

func TestThePageShowsWhatIsNeeded(t *testing.T) {
	connectortest.DocumentsNeeds(t, "slack", Needs)
}
