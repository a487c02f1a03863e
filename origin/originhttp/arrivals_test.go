//go:build linux

package originhttp_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// When something arrives at a client is what the kernel stamps on it, and not when the client is told: where server and clients
// share their cores, the second says as much about the clients. For the same reason they are one loop that asks now and then
// what has come. A thousand goroutines that are woken one by one would take the cores from the server that they wait for.

// dial opens connections on which the kernel stamps what comes. The runtime's poller knows nothing of them.
func dial(b *testing.B, address string, count int) (conns []*os.File) {
	b.Helper()
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		b.Fatal(err)
	}
	for range count {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		conns = append(conns, os.NewFile(uintptr(fd), address))
		if err := errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20}),
			unix.Connect(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()})); err != nil {
			b.Fatal(err)
		}
	}
	return conns
}

// ownNetwork gives this goroutine, and the processes that it starts from now on, a network in which there is nothing but this
// machine, where it may (as root). A machine with containers has a firewall that follows every connection, and the kernel then
// takes half as long again for what it sends. The goroutine's thread ends with it.
func ownNetwork(b *testing.B) {
	b.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		b.Logf("behind the firewall of this machine, if it has one: %v", err)
		return
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(fd)
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		b.Fatal(err)
	}
	loopback.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, loopback); err != nil {
		b.Fatal(err)
	}
}

func closeAll(conns []*os.File) {
	for _, c := range conns {
		c.Close()
	}
}

// moment is when a last first byte came to its socket, as the kernel stamped it. When the PUT was answered, and what processor
// time the server spent until then, go with it.
type moment struct{ arrived, answered, spent time.Duration }

// middle has the median of each time.
func middle(all []moment) moment {
	of := func(each func(moment) time.Duration) time.Duration {
		times := make([]time.Duration, len(all))
		for i, m := range all {
			times[i] = each(m)
		}
		slices.Sort(times)
		return times[len(times)/2]
	}
	return moment{of(func(m moment) time.Duration { return m.arrived }), of(func(m moment) time.Duration { return m.answered }),
		of(func(m moment) time.Duration { return m.spent })}
}

// last is when the last connection has its first byte, after begin was called. One byte of each has been read then: at once, or
// where an answer is one packet, and nothing can be joined to it, only when there is one for everybody, since to read takes time
// from the server, whose cores these are.
func (s *server) last(b *testing.B, conns []*os.File, atOnce bool, begin func()) (m moment) {
	b.Helper()
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(poll)
	for _, c := range conns {
		fd := int(c.Fd())
		if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(fd)}); err != nil {
			b.Fatal(err)
		}
	}
	var beginning sync.WaitGroup
	defer beginning.Wait()
	spent, start := s.spent(b), time.Now().Round(0) // stamps are of the wall clock
	beginning.Go(begin)
	events, come := make([]unix.EpollEvent, 1024), make([]int, 0, len(conns))
	read := func(fd int) {
		arrived, err := firstByte(fd, unix.MSG_DONTWAIT)
		if now := time.Now().Round(0); err != nil || arrived.Before(start) || arrived.After(now) {
			b.Fatalf("asked at %v, arrived at %v, read at %v: %v", start, arrived, now, err)
		}
		m.arrived = max(m.arrived, arrived.Sub(start))
	}
	for left := len(conns); left > 0; time.Sleep(time.Millisecond / 2) {
		n, err := unix.EpollWait(poll, events, 0)
		if err != nil && !errors.Is(err, unix.EINTR) || time.Since(start) > 20*time.Second {
			b.Fatalf("%d have no first byte: %v", left, err)
		}
		for _, e := range events[:max(n, 0)] {
			left--
			if atOnce {
				read(int(e.Fd))
			} else {
				come = append(come, int(e.Fd))
			}
		}
	}
	m.spent = s.spent(b) - spent
	for _, fd := range come {
		read(fd)
	}
	return m
}

// spent is the processor time of a child, by its clock (clock_getcpuclockid(3)).
func (s *server) spent(b *testing.B) time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(int32(^s.pid<<3|2), &at); err != nil {
		b.Fatal(err)
	}
	return time.Duration(at.Nano())
}

// firstByte reads a byte, and says when the kernel had it, by the clock of time.Now (socket(7), SO_TIMESTAMP). What comes before
// it is read may be joined to it, and all has the stamp of its end: a stamp is never too early.
func firstByte(fd, flags int) (arrived time.Time, err error) {
	var into [1]byte
	var control [64]byte
	n, nc, _, _, err := unix.Recvmsg(fd, into[:], control[:], flags)
	for errors.Is(err, unix.EINTR) {
		n, nc, _, _, err = unix.Recvmsg(fd, into[:], control[:], flags)
	}
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		return arrived, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:nc])
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:]))), nil
		}
	}
	return arrived, errors.Join(err, errors.New("the kernel stamped nothing"))
}
