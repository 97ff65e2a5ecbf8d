package gitlab

import (
	"testing"

	"example.com/integrations/shared/connector/connectortest"
)

func TestThePageShowsWhatIsNeeded(t *testing.T) {
	connectortest.DocumentsNeeds(t, "gitlab", Needs)
}
