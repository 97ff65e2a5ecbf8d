package recording

// An alphabet is the set of bytes that an encoding writes.
type alphabet [256]bool

const (
	upperLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
)

// What base64, both of its alphabets, base32 and hex write.
var (
	sixtyFour      = digitsOf(upperLetters + lowerLetters + "0123456789+/_-")
	upperThirtyTwo = digitsOf(upperLetters + "234567")
	lowerThirtyTwo = digitsOf(lowerLetters + "234567")
	hexDigits      = digitsOf("0123456789ABCDEFabcdef")
)

func digitsOf(text string) (set alphabet) {
	for i := range len(text) {
		set[text[i]] = true
	}

	return set
}

// runs are the parts of a text that are at least so many digits of one of the
// encodings, as long as they can be. A scrub looks for them in every text and what
// it decodes to, where a regular expression takes ten times as long.
func runs(text string, least int, encodings ...*alphabet) (found []string) {
	for from := 0; from+least <= len(text); {
		long := 0
		for _, encoding := range encodings {
			if long = lead(text[from:], encoding); long >= least {
				break
			}
		}

		if long < least {
			from++
			continue
		}

		found = append(found, text[from:from+long])
		from += long
	}

	return found
}

// lead is how many bytes at the begin of a text are digits.
func lead(text string, encoding *alphabet) int {
	for i := range len(text) {
		if !encoding[text[i]] {
			return i
		}
	}

	return len(text)
}
