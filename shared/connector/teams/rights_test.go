package teams

import (
	"testing"

	"integrations/shared/connector/connectortest"
)

func TestThePageShowsWhatIsNeeded(t *testing.T) {
	connectortest.DocumentsNeeds(t, "teams", Needs)
}
