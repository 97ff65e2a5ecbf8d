package secrets

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func sign(t *testing.T, kms *client.Client, key, message string) []byte {
	t.Helper()
	out, err := kms.GenerateMac(t.Context(), &client.GenerateMacInput{
		KeyId: aws.String(key), MacAlgorithm: types.MacAlgorithmSpecHmacSha256, Message: []byte(message),
	})
	if err != nil {
		t.Fatal(err)
	}

	if *out.KeyId != macARN || out.MacAlgorithm != types.MacAlgorithmSpecHmacSha256 || len(out.Mac) != 32 {
		t.Errorf("%s %s, %d bytes", *out.KeyId, out.MacAlgorithm, len(out.Mac))
	}

	return out.Mac
}

// The same key signs the same message alike, also after a restart; another
// message, another key and another server sign it otherwise.
func TestMacStays(t *testing.T) {
	dir := t.TempDir()
	first, _ := start(t, dir)
	mac := sign(t, first, macARN, "a")
	again, _ := start(t, dir)
	if !bytes.Equal(sign(t, again, macID, "a"), mac) {
		t.Error("after a restart the key is another one")
	}

	stranger, _ := start(t, t.TempDir())
	if bytes.Equal(sign(t, again, macARN, "b"), mac) || bytes.Equal(sign(t, stranger, macARN, "a"), mac) {
		t.Error("two messages or two servers have one MAC")
	}
}

func TestGenerateMacRefuses(t *testing.T) {
	kms, _ := start(t, t.TempDir())
	good := func(change func(*client.GenerateMacInput)) client.GenerateMacInput {
		in := client.GenerateMacInput{KeyId: aws.String(macARN), MacAlgorithm: types.MacAlgorithmSpecHmacSha256, Message: []byte("a")}
		change(&in)

		return in
	}
	for name, test := range map[string]struct {
		in         client.GenerateMacInput
		want, says string
	}{
		"unknown key":       {good(func(in *client.GenerateMacInput) { in.KeyId = aws.String(macARN + "0") }), "NotFoundException", "does not exist"},
		"key that seals":    {good(func(in *client.GenerateMacInput) { in.KeyId = aws.String(keyID) }), "InvalidKeyUsageException", "key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac."},
		"other algorithm":   {good(func(in *client.GenerateMacInput) { in.MacAlgorithm = types.MacAlgorithmSpecHmacSha512 }), "InvalidKeyUsageException", "HMAC_256"},
		"unknown algorithm": {good(func(in *client.GenerateMacInput) { in.MacAlgorithm = "HMAC_MD5" }), "ValidationException", "HMAC_MD5"},
		"no message":        {good(func(in *client.GenerateMacInput) { in.Message = []byte{} }), "ValidationException", "message"},
		"long message":      {good(func(in *client.GenerateMacInput) { in.Message = make([]byte, maxMessage+1) }), "ValidationException", "4096"},
		"dry run":           {good(func(in *client.GenerateMacInput) { in.DryRun = aws.Bool(true) }), "DryRunOperationException", "DryRun"},
	} {
		_, err := kms.GenerateMac(t.Context(), &test.in)
		if code(err) != test.want || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %s with %q", name, err, test.want, test.says)
		}
	}

	if out, err := kms.GenerateMac(t.Context(), &client.GenerateMacInput{
		KeyId: aws.String(macARN), MacAlgorithm: types.MacAlgorithmSpecHmacSha256, Message: make([]byte, maxMessage),
	}); err != nil || len(out.Mac) != 32 {
		t.Error(err)
	}
}
