package jsonstream

import (
	"encoding/json"
	"errors"
	"io"
)

// fill reads more of the stream. The end of the stream is io.ErrUnexpectedEOF:
// callers that may end there look at r.err.
func (r *Reader) fill() error {
	for r.at == r.end {
		if r.err != nil {
			if errors.Is(r.err, io.EOF) {
				return io.ErrUnexpectedEOF
			}
			return r.err
		}

		n, err := r.from.Read(r.buffer)
		r.at = 0
		r.end = n
		r.err = err
	}

	return nil
}

// next reads one byte.
func (r *Reader) next() (byte, error) {
	if err := r.fill(); err != nil {
		return 0, err
	}

	c := r.buffer[r.at]
	r.at++
	return c, nil
}

// peek is the next byte that is no white space.
func (r *Reader) peek() (byte, error) {
	for {
		if err := r.fill(); err != nil {
			return 0, err
		}

		switch c := r.buffer[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c, nil
		}
	}
}

// expect reads one byte that must be the given one.
func (r *Reader) expect(want byte) error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	if c != want {
		return ErrSyntax
	}

	r.at++

	return nil
}

// open goes through the members of an object or the elements of a list.
func (r *Reader) open(first, last byte, each func() error) error {
	if err := r.expect(first); err != nil {
		return err
	}

	c, err := r.peek()
	if err != nil {
		return err
	}

	if c == last {
		r.at++
		return nil
	}

	for {
		if err := each(); err != nil {
			return err
		}

		c, err := r.peek()
		if err != nil {
			return err
		}

		r.at++
		if c == last {
			return nil
		}
		if c != ',' {
			return ErrSyntax
		}
	}
}

// memberName reads a member's name and the colon behind it.
func (r *Reader) memberName() (string, error) {
	c, err := r.peek()
	if err != nil {
		return "", err
	}
	if c != '"' {
		return "", ErrSyntax
	}

	r.name = r.name[:0]
	if err := r.text(&r.name, maxName); err != nil {
		return "", err
	}

	var name string
	if err := json.Unmarshal(r.name, &name); err != nil {
		return "", err
	}

	return name, r.expect(':')
}

// hold appends to a value that is held, if one is.
func hold(held *[]byte, most int, b ...byte) error {
	if held == nil {
		return nil
	}
	if len(*held)+len(b) > most {
		return ErrTooLarge
	}

	*held = append(*held, b...)

	return nil
}

// text reads a string as it stands, with its quotes. Without held it is only
// passed over.
func (r *Reader) text(held *[]byte, most int) error {
	r.at++ // the quote that peek has shown
	if err := hold(held, most, '"'); err != nil {
		return err
	}

	for {
		if err := r.fill(); err != nil {
			return err
		}

		from := r.at
		for r.at < r.end && r.buffer[r.at] != '"' && r.buffer[r.at] != '\\' && r.buffer[r.at] >= ' ' {
			r.at++
		}

		if err := hold(held, most, r.buffer[from:r.at]...); err != nil {
			return err
		}

		if r.at == r.end {
			continue
		}

		c := r.buffer[r.at]
		r.at++
		switch c {
		case '"':
			return hold(held, most, c)
		case '\\':
			if err := r.escape(held, most); err != nil {
				return err
			}
		default:
			return ErrSyntax
		}
	}
}

// escape reads what follows a backslash.
func (r *Reader) escape(held *[]byte, most int) error {
	c, err := r.next()
	if err != nil {
		return err
	}

	if err := hold(held, most, '\\', c); err != nil {
		return err
	}

	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return ErrSyntax
	}

	for range 4 {
		digit, err := r.next()
		if err != nil {
			return err
		}
		if !isHex(digit) {
			return ErrSyntax
		}

		if err := hold(held, most, digit); err != nil {
			return err
		}
	}

	return nil
}

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// literal reads true, false or null.
func (r *Reader) literal(held *[]byte, word string) error {
	for i := range len(word) {
		c, err := r.next()
		if err != nil {
			return err
		}
		if c != word[i] {
			return ErrSyntax
		}
	}

	return hold(held, MaxHeld, []byte(word)...)
}

// number reads a number. It ends before the first byte that is no part of it,
// or at the end of the stream.
func (r *Reader) number(held *[]byte) error {
	if _, err := r.sign(held, "-"); err != nil {
		return err
	}

	c, err := r.digit(held)
	if err != nil {
		return err
	}

	if c != '0' {
		if err := r.digits(held); err != nil {
			return err
		}
	}

	point, err := r.sign(held, ".")
	if err != nil {
		return err
	}

	if point {
		if _, err := r.digit(held); err != nil {
			return err
		}

		if err := r.digits(held); err != nil {
			return err
		}
	}

	exponent, err := r.sign(held, "eE")
	if err != nil || !exponent {
		return err
	}

	if _, err := r.sign(held, "+-"); err != nil {
		return err
	}

	if _, err := r.digit(held); err != nil {
		return err
	}

	return r.digits(held)
}

// sign reads one of some bytes, if it is the next one.
func (r *Reader) sign(held *[]byte, some string) (bool, error) {
	if err := r.fill(); err != nil {
		if errors.Is(r.err, io.EOF) { // the text may end here
			return false, nil
		}
		return false, err
	}

	for i := range len(some) {
		if r.buffer[r.at] == some[i] {
			r.at++
			return true, hold(held, MaxHeld, some[i])
		}
	}

	return false, nil
}

// digit reads one digit, which must be there.
func (r *Reader) digit(held *[]byte) (byte, error) {
	c, err := r.next()
	if err != nil {
		return 0, err
	}
	if !isDigit(c) {
		return 0, ErrSyntax
	}

	return c, hold(held, MaxHeld, c)
}

// digits reads any number of digits.
func (r *Reader) digits(held *[]byte) error {
	for {
		more, err := r.sign(held, "0123456789")
		if err != nil || !more {
			return err
		}
	}
}
