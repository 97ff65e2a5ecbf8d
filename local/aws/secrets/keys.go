package secrets

import "strings"

// The usages of keys that the product has
// (https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html).
const (
	encrypt = "ENCRYPT_DECRYPT"
	mac     = "GENERATE_VERIFY_MAC"
)

// A Key is one that the server has, with the specification and usage that
// CloudFormation names.
type Key struct{ ARN, Spec, Usage string }

// Symmetric is a key that seals.
func Symmetric(arn string) Key { return Key{ARN: arn, Spec: algorithm, Usage: encrypt} }

// HMAC256 is a key that makes message authentication codes.
func HMAC256(arn string) Key { return Key{ARN: arn, Spec: "HMAC_256", Usage: mac} }

// named says whether a call that names a key by its ARN or its id means this
// one.
func (k Key) named(name string) bool {
	_, id, _ := strings.Cut(k.ARN, ":key/")
	return name == k.ARN || id != "" && name == id
}

// find gives the key of a call. A key that is there and has another usage is
// refused as KMS refuses it.
func (s *server) find(name, usage, operation string) (Key, *fault) {
	for _, k := range s.keys {
		if !k.named(name) {
			continue
		}
		if k.Usage != usage {
			return Key{}, faultf("InvalidKeyUsageException", "%s key usage is %s which is not valid for %s.", k.ARN, k.Usage, operation)
		}

		return k, nil
	}

	return Key{}, faultf("NotFoundException", "Key '%s' does not exist", name)
}
