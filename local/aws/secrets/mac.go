package secrets

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
)

// maxMessage is how many bytes one call signs
// (https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html).
const maxMessage = 4096

// macAlgorithms are those that KMS has. Each goes with one specification of
// keys; that of HMAC_256 is HMAC_SHA_256.
var macAlgorithms = []string{"HMAC_SHA_384", "HMAC_SHA_256", "HMAC_SHA_224", "HMAC_SHA_512"}

type macInput struct {
	KeyID        string          `json:"KeyId"`
	Message      []byte          `json:"Message"`
	MacAlgorithm string          `json:"MacAlgorithm"`
	GrantTokens  []string        `json:"GrantTokens"`
	DryRun       bool            `json:"DryRun"`
	Recipient    json.RawMessage `json:"Recipient"`
}

func (in macInput) check() *fault {
	switch {
	case in.KeyID == "":
		return missing("keyId")
	case len(in.Message) == 0:
		return missing("message")
	case len(in.Message) > maxMessage:
		return faultf("ValidationException", "1 validation error detected: Value at 'message' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", maxMessage)
	case in.MacAlgorithm == "":
		return missing("macAlgorithm")
	case !slices.Contains(macAlgorithms, in.MacAlgorithm):
		return faultf("ValidationException", "1 validation error detected: Value '%s' at 'macAlgorithm' failed to satisfy "+
			"constraint: Member must satisfy enum value set: [%s]", in.MacAlgorithm, strings.Join(macAlgorithms, ", "))
	}

	return nil
}

func (s *server) generateMac(body []byte) (any, *fault) {
	var in macInput
	if failed := decode(body, &in); failed != nil {
		return nil, failed
	}

	if failed := in.check(); failed != nil {
		return nil, failed
	}

	key, failed := s.find(in.KeyID, mac, "GenerateMac")
	if failed != nil {
		return nil, failed
	}

	if want := strings.Replace(key.Spec, "HMAC_", "HMAC_SHA_", 1); in.MacAlgorithm != want {
		return nil, faultf("InvalidKeyUsageException", "Algorithm %s is incompatible with key spec %s.", in.MacAlgorithm, key.Spec)
	}

	if failed := (common{DryRun: in.DryRun, Recipient: in.Recipient}).check(); failed != nil {
		return nil, failed
	}

	secret, err := hkdf.Key(sha256.New, s.master, nil, "mac of "+key.ARN, sha256.Size)
	if err != nil {
		return nil, faultf("KMSInternalException", "%s", err)
	}

	signature := hmac.New(sha256.New, secret)
	signature.Write(in.Message)

	return map[string]any{"KeyId": key.ARN, "Mac": signature.Sum(nil), "MacAlgorithm": in.MacAlgorithm}, nil
}
