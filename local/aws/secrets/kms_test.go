package secrets

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	client "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
)

const (
	keyID  = "11111111-2222-3333-4444-555555555555"
	arn    = "arn:aws:kms:eu-central-1:000000000000:key/" + keyID
	macID  = "11111111-2222-3333-4444-666666666666"
	macARN = "arn:aws:kms:eu-central-1:000000000000:key/" + macID
)

// start serves the key kept in dir and returns the SDK's own client for it.
func start(t *testing.T, dir string) (*client.Client, string) {
	t.Helper()
	handler, err := OpenKMS(dir, Symmetric(arn), HMAC256(macARN))
	if err != nil {
		t.Fatal(err)
	}

	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)

	return client.New(client.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), RetryMaxAttempts: 1,
	}), server.URL
}

func generate(t *testing.T, kms *client.Client, pairs map[string]string) *client.GenerateDataKeyOutput {
	t.Helper()
	out, err := kms.GenerateDataKey(t.Context(), &client.GenerateDataKeyInput{
		KeyId: aws.String(arn), KeySpec: types.DataKeySpecAes256, EncryptionContext: pairs,
	})
	if err != nil {
		t.Fatal(err)
	}

	return out
}

func code(err error) string {
	var coded smithy.APIError
	if errors.As(err, &coded) {
		return coded.ErrorCode()
	}
	return ""
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	kms, _ := start(t, dir)
	pairs := map[string]string{"integration": "1", "organisation": "2"}
	made := generate(t, kms, pairs)
	other := generate(t, kms, pairs)
	if len(made.Plaintext) != 32 || *made.KeyId != arn || bytes.Contains(made.CiphertextBlob, made.Plaintext) {
		t.Fatalf("data key of %d bytes for %s", len(made.Plaintext), *made.KeyId)
	}

	if bytes.Equal(made.Plaintext, other.Plaintext) || bytes.Equal(made.CiphertextBlob, other.CiphertextBlob) {
		t.Error("two data keys are equal")
	}

	again, _ := start(t, dir)
	for _, key := range []*string{nil, aws.String(arn), aws.String(keyID)} {
		out, err := again.Decrypt(t.Context(), &client.DecryptInput{CiphertextBlob: made.CiphertextBlob, KeyId: key, EncryptionContext: pairs})
		if err != nil || !bytes.Equal(out.Plaintext, made.Plaintext) || *out.KeyId != arn {
			t.Errorf("after a restart, key %v: %v, %v", aws.ToString(key), out, err)
		}
	}
}

func TestDecryptRefuses(t *testing.T) {
	kms, _ := start(t, t.TempDir())
	pairs := map[string]string{"integration": "1"}
	good := generate(t, kms, pairs).CiphertextBlob
	bare := generate(t, kms, nil).CiphertextBlob
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	stranger, _ := start(t, t.TempDir())
	foreign := generate(t, stranger, pairs).CiphertextBlob
	tests := map[string]struct {
		in   client.DecryptInput
		want string
	}{
		"wrong context":    {client.DecryptInput{CiphertextBlob: good, EncryptionContext: map[string]string{"integration": "2"}}, "InvalidCiphertextException"},
		"no context":       {client.DecryptInput{CiphertextBlob: good}, "InvalidCiphertextException"},
		"more context":     {client.DecryptInput{CiphertextBlob: good, EncryptionContext: map[string]string{"integration": "1", "x": ""}}, "InvalidCiphertextException"},
		"context for none": {client.DecryptInput{CiphertextBlob: bare, EncryptionContext: pairs}, "InvalidCiphertextException"},
		"changed":          {client.DecryptInput{CiphertextBlob: flipped, EncryptionContext: pairs}, "InvalidCiphertextException"},
		"short":            {client.DecryptInput{CiphertextBlob: good[:5], EncryptionContext: pairs}, "InvalidCiphertextException"},
		"other version":    {client.DecryptInput{CiphertextBlob: append([]byte{2}, good[1:]...), EncryptionContext: pairs}, "InvalidCiphertextException"},
		"other master":     {client.DecryptInput{CiphertextBlob: foreign, EncryptionContext: pairs}, "InvalidCiphertextException"},
		"the key of MACs":  {client.DecryptInput{CiphertextBlob: good, EncryptionContext: pairs, KeyId: aws.String(macARN)}, "InvalidKeyUsageException"},
		"unknown key":      {client.DecryptInput{CiphertextBlob: good, EncryptionContext: pairs, KeyId: aws.String(arn + "0")}, "NotFoundException"},
		"empty":            {client.DecryptInput{CiphertextBlob: []byte{}, EncryptionContext: pairs}, "ValidationException"},
		"too long":         {client.DecryptInput{CiphertextBlob: make([]byte, 6145)}, "ValidationException"},
		"asymmetric":       {client.DecryptInput{CiphertextBlob: good, EncryptionContext: pairs, EncryptionAlgorithm: types.EncryptionAlgorithmSpecRsaesOaepSha256}, "InvalidKeyUsageException"},
		"dry run":          {client.DecryptInput{CiphertextBlob: good, EncryptionContext: pairs, DryRun: aws.Bool(true)}, "DryRunOperationException"},
	}
	for name, test := range tests {
		if _, err := kms.Decrypt(t.Context(), &test.in); code(err) != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func TestGenerateRefuses(t *testing.T) {
	kms, _ := start(t, t.TempDir())
	spec := types.DataKeySpecAes256
	tests := map[string]struct {
		in   client.GenerateDataKeyInput
		want string
	}{
		"unknown key":    {client.GenerateDataKeyInput{KeyId: aws.String("alias/x"), KeySpec: spec}, "NotFoundException"},
		"key of MACs":    {client.GenerateDataKeyInput{KeyId: aws.String(macARN), KeySpec: spec}, "InvalidKeyUsageException"},
		"no spec":        {client.GenerateDataKeyInput{KeyId: aws.String(arn)}, "ValidationException"},
		"both":           {client.GenerateDataKeyInput{KeyId: aws.String(arn), KeySpec: spec, NumberOfBytes: aws.Int32(32)}, "ValidationException"},
		"too many bytes": {client.GenerateDataKeyInput{KeyId: aws.String(arn), NumberOfBytes: aws.Int32(1025)}, "ValidationException"},
		"unknown spec":   {client.GenerateDataKeyInput{KeyId: aws.String(arn), KeySpec: "AES_512"}, "ValidationException"},
		"dry run":        {client.GenerateDataKeyInput{KeyId: aws.String(arn), KeySpec: spec, DryRun: aws.Bool(true)}, "DryRunOperationException"},
	}
	for name, test := range tests {
		if _, err := kms.GenerateDataKey(t.Context(), &test.in); code(err) != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}

	if _, err := kms.ListKeys(t.Context(), &client.ListKeysInput{}); code(err) != "UnknownOperationException" {
		t.Errorf("another operation: %v", err)
	}
}

// raw sends a body the SDK would not and returns the status and the fault's type.
func raw(t *testing.T, url, target, body string, signed bool) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	request.Header.Set("Content-Type", contentType)
	request.Header.Set("X-Amz-Target", "TrentService."+target)
	if signed {
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local")
	}

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}

	defer response.Body.Close()
	var answer fault
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}

	return response.StatusCode, answer.Type
}

func TestMalformedRequests(t *testing.T) {
	_, url := start(t, t.TempDir())
	for _, test := range []struct{ target, body, want string }{
		{"Decrypt", ``, "SerializationException"},
		{"Decrypt", `[]`, "SerializationException"},
		{"Decrypt", `{"CiphertextBlob":"%"}`, "SerializationException"},
		{"Decrypt", `{"CiphertextBlob":1}`, "SerializationException"},
		{"Decrypt", `{} {}`, "SerializationException"},
		{"Decrypt", `{"Surprise":1}`, "SerializationException"},
		{"Decrypt", `{}`, "ValidationException"},
		{"GenerateDataKey", `{"KeySpec":"AES_256"}`, "ValidationException"},
		{"GenerateDataKey", `{"EncryptionContext":{"a":1}}`, "SerializationException"},
		{"GenerateMac", `{}`, "ValidationException"},
		{"GenerateMac", `{"Message":"%"}`, "SerializationException"},
		{"GenerateMac", `{"EncryptionContext":{}}`, "SerializationException"},
		{"Decrypt", `{"CiphertextBlob":"` + strings.Repeat("A", maxBody) + `"}`, "SerializationException"},
	} {
		status, kind := raw(t, url, test.target, test.body, true)
		if status != http.StatusBadRequest || kind != test.want {
			t.Errorf("%s %.40s: %d %s, want %s", test.target, test.body, status, kind, test.want)
		}
	}

	if _, kind := raw(t, url, "Decrypt", `{}`, false); kind != "MissingAuthenticationTokenException" {
		t.Errorf("unsigned: %s", kind)
	}
}

func TestMasterKeyIsPrivateAndChecked(t *testing.T) {
	dir := t.TempDir()
	start(t, dir)
	path := filepath.Join(dir, "kms.key")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file %v, %v, want mode 0600", info, err)
	}

	if err := os.WriteFile(path, []byte("AAAA"), 0o600); err != nil {
		t.Fatal(err)
	}

	if _, err := OpenKMS(dir, Symmetric(arn)); err == nil {
		t.Error("opened with a damaged key")
	}
}

// FuzzBody: whatever is sent, the answer is a fault KMS has, or a plaintext
// whose ciphertext we made.
func FuzzBody(f *testing.F) {
	f.Add("Decrypt", []byte(`{"CiphertextBlob":"AQID","EncryptionContext":{"a":"b"}}`))
	f.Add("GenerateDataKey", []byte(`{"KeyId":"`+keyID+`","KeySpec":"AES_256"}`))
	f.Add("GenerateMac", []byte(`{"KeyId":"`+macID+`","MacAlgorithm":"HMAC_SHA_256","Message":"AQID"}`))
	f.Add("GenerateDataKey", []byte(`{"KeyId":null,"NumberOfBytes":-1}`))
	handler, err := OpenKMS(f.TempDir(), Symmetric(arn), HMAC256(macARN))
	if err != nil {
		f.Fatal(err)
	}

	f.Fuzz(func(t *testing.T, target string, body []byte) {
		request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("X-Amz-Target", "TrentService."+target)
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 x")
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		var answer fault
		if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
			t.Fatalf("answer %q: %v", recorder.Body, err)
		}

		if ok := recorder.Code == http.StatusOK; ok != (answer.Type == "") || (ok && target != "GenerateDataKey" && target != "GenerateMac") {
			t.Fatalf("%s %q: %d %s", target, body, recorder.Code, recorder.Body)
		}
	})
}
