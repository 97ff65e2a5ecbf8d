package conformance

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// A dns answers the resolver that the product uses, which is Go's: in its own
// process, without a socket.
type dns struct {
	mu    sync.Mutex
	asked map[string]int
	// answers are what a name's n-th question gets, the last for all that follow.
	// Any other name is this machine: nothing may count on not being found.
	answers map[string][][]netip.Addr
}

func addresses(texts ...string) []netip.Addr {
	list := make([]netip.Addr, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParseAddr(text)
	}
	return list
}

// resolver is for net.DefaultResolver.
func (d *dns) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go d.serve(far)
		return near, nil
	}}
}

// serve answers the questions of one connection, each behind its length, as
// over TCP.
func (d *dns) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}

		question := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, question); err != nil {
			return
		}

		answer := d.answer(question)
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

const (
	typeA    = 1
	typeAAAA = 28
)

func (d *dns) answer(question []byte) []byte {
	const header = 12
	at := header
	labels := []string{}
	for at < len(question) && question[at] != 0 {
		n := int(question[at])
		labels = append(labels, string(question[at+1:at+1+n]))
		at += n + 1
	}

	at++
	kind := binary.BigEndian.Uint16(question[at:])
	records := []byte{}
	count := uint16(0)
	for _, ip := range d.addresses(strings.ToLower(strings.Join(labels, ".")), kind) {
		record := []byte{0xc0, header, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(ip.AsSlice()))} // the name asked for, no time to live
		records = append(append(records, record...), ip.AsSlice()...)
		count++
	}

	answer := append([]byte{question[0], question[1], 0x81, 0x80, 0, 1}, byte(count>>8), byte(count), 0, 0, 0, 0)

	return append(append(answer, question[header:at+4]...), records...)
}

// addresses are those of one kind that a name has this time. A name is asked
// for both kinds at once, which counts as one time.
func (d *dns) addresses(name string, kind uint16) []netip.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	answers, known := d.answers[name]
	if !known {
		answers = [][]netip.Addr{addresses("127.0.0.1", "::1")}
	}

	key := name + string(rune(kind))
	n := min(d.asked[key], len(answers)-1)
	d.asked[key]++
	var list []netip.Addr
	for _, ip := range answers[n] {
		if ip.Is4() == (kind == typeA) && (kind == typeA || kind == typeAAAA) {
			list = append(list, ip)
		}
	}

	return list
}
