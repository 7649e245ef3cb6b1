package attack

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// What an attack needs that changes the system's network is done in a network of
// its own: the test runs itself again, there.
const namespaceVariable = "QUEUEDNET_ATTACK_NAMESPACE" // a file for the results

func inNamespace() bool { return os.Getenv(namespaceVariable) != "" }

// rerunInNamespace runs this test in a network namespace and returns its results.
func rerunInNamespace(t *testing.T) (results []result) {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "result")
	cmd := exec.Command(executable, append(forms(), "-test.run=^TestAttack$/^"+filepath.Base(t.Name())+"$", "-test.v")...)
	cmd.Env = append(os.Environ(), namespaceVariable+"="+file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	probe := exec.Command("/proc/self/exe", "-test.run=^$")
	probe.SysProcAttr = cmd.SysProcAttr
	if err := probe.Run(); err != nil {
		t.Skip("skipped: no network namespace may be made here: ", err)
	}
	output, err := cmd.CombinedOutput()
	t.Logf("%s", output)
	require.NoError(t, err)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var r result
	require.NoError(t, json.Unmarshal(b, &r))
	return []result{r}
}

// handOver gives a result to the test outside, if there is one.
func handOver(r result) {
	if !inNamespace() {
		return
	}
	b, err := json.Marshal(r)
	check(err)
	check(os.WriteFile(os.Getenv(namespaceVariable), b, 0o600))
}

// enterNamespace makes the new network usable, with 64 ports for connections.
func enterNamespace() {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	check(err)
	defer syscall.Close(fd)
	request := struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP}
	copy(request.name[:], "lo")
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		panic(errno)
	}
	check(os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("40000 40063"), 0o644))
}
