package parts

import (
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// Usage is what a part has used: processor time of all its lives, and the most memory that one of them had.
type Usage struct {
	CPU    time.Duration
	Memory int64 // bytes of the resident set, at most
}

// Usage says what the part has used so far.
func (p *Process) Usage() (sum Usage) {
	for _, l := range p.all() {
		one := l.usage()
		sum.CPU += one.CPU
		sum.Memory = max(sum.Memory, one.Memory)
	}
	return sum
}

func (l *life) usage() Usage {
	if l.alive() {
		return usageOf(l.cmd.Process)
	}
	return UsageOf(l.cmd.ProcessState)
}

// UsageOf is what a process used that has ended.
func UsageOf(s *os.ProcessState) Usage {
	if s == nil {
		return Usage{}
	}
	r, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return Usage{}
	}
	return usageFrom(r)
}

// Self is what this process has used so far.
func Self() Usage {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{}
	}
	return usageFrom(&r)
}

func usageFrom(r *syscall.Rusage) Usage {
	unit := int64(1024)
	if runtime.GOOS == "darwin" {
		unit = 1
	}
	return Usage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano()), Memory: int64(r.Maxrss) * unit}
}

// usageOf asks the system about a process that lives; zero when it has died meanwhile.
func usageOf(p *os.Process) (u Usage) {
	of, err := process.NewProcess(int32(p.Pid))
	if err != nil {
		return u
	}
	if t, err := of.Times(); err == nil {
		u.CPU = time.Duration((t.User + t.System) * float64(time.Second))
	}
	if m, err := of.MemoryInfo(); err == nil {
		u.Memory = int64(max(m.HWM, m.RSS))
	}
	return u
}
