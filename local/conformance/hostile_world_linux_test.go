package conformance

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inside is set in a process whose network is one where every address is this
// machine.
const inside = "HOSTILE_WORLD"

// everywhere runs a test in a process of its own with a network of its own. There
// every connection, to whatever address, arrives at the test and is counted. So nothing
// leaves the machine, and the test sees that a refused address was not called.
func everywhere(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if os.Getenv(inside) != "" {
		if err := allAddresses(); err != nil {
			t.Fatal(err)
		}
		test(t)
		return
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout="+left(t))
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}

	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Skip("this system allows no network of a process's own; shared/outbound tests against loopback alone: ", err)
	}

	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, out.String())
	}

	t.Log("\n" + out.String())
}

// left is the time that the whole test has left, in the form of -test.timeout.
func left(t *testing.T) string {
	deadline, limited := t.Deadline()
	if !limited {
		return "0"
	}
	return time.Until(deadline).String()
}

// allAddresses makes every address of IPv4 and IPv6 one of this network's own.
func allAddresses() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}

	defer func() { _ = unix.Close(s) }()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}

	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}

	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := localRoute(family); err != nil {
			return fmt.Errorf("route of family %d: %w", family, err)
		}
	}

	return nil
}

// localRoute is `ip route add local default dev lo` of one family.
func localRoute(family uint8) error {
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}

	defer func() { _ = unix.Close(s) }()
	const header, route, attribute = unix.SizeofNlMsghdr, unix.SizeofRtMsg, unix.SizeofRtAttr + 4
	b := make([]byte, header+route+attribute)
	*(*unix.NlMsghdr)(unsafe.Pointer(&b[0])) = unix.NlMsghdr{
		Len: uint32(len(b)), Type: unix.RTM_NEWROUTE, Flags: unix.NLM_F_REQUEST | unix.NLM_F_CREATE | unix.NLM_F_ACK,
	}
	*(*unix.RtMsg)(unsafe.Pointer(&b[header])) = unix.RtMsg{
		Family: family, Table: unix.RT_TABLE_LOCAL, Protocol: unix.RTPROT_STATIC, Scope: unix.RT_SCOPE_HOST, Type: unix.RTN_LOCAL,
	}
	*(*unix.RtAttr)(unsafe.Pointer(&b[header+route])) = unix.RtAttr{Len: attribute, Type: unix.RTA_OIF}
	binary.NativeEndian.PutUint32(b[header+route+unix.SizeofRtAttr:], 1) // lo is the first there is
	if err := unix.Sendto(s, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}

	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s, answer, 0)
	if err != nil {
		return err
	}
	if n < header+4 {
		return fmt.Errorf("an answer of %d bytes", n)
	}

	if code := int32(binary.NativeEndian.Uint32(answer[header:])); code != 0 {
		return unix.Errno(-code)
	}

	return nil
}
