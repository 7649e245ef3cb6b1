package main

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/queuednet/queuednet/benchmarks/internal/panda3d"
	"github.com/queuednet/queuednet/benchmarks/internal/peer"
	"github.com/queuednet/queuednet/benchmarks/internal/report"
)

// machine says what the results were measured on.
func machine() report.Machine {
	m := report.Machine{
		CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(),
		OS: runtime.GOOS + "/" + runtime.GOARCH, Kernel: kernel(), Go: runtime.Version(),
		Date:     time.Now().UTC().Format(time.DateOnly),
		Versions: make(map[string]string), Settings: make(map[string]string),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			for _, name := range []string{"gnet", "nbio", "coder/websocket", "gorilla/websocket"} {
				if strings.Contains(module.Path, "/"+name) {
					m.Versions[name] = module.Version
				}
			}
		}
	}
	if panda3d.Available() {
		m.Versions["Panda3D"] = panda3d.Version()
		m.Settings["Panda3D"] = "Through its Python wheel; polled: everything on one thread; threaded: a thread each for listener, reader and writer; no Nagle, no bound of a queue is reached."
	}
	for _, entry := range peer.All {
		m.Settings[entry.Name] = entry.Settings
	}
	return m
}

func kernel() string {
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(release))
}

// field returns a field of a file of names and values, "" if there is none.
func field(file, name string) string {
	contents, _ := os.ReadFile(file)
	for line := range bytes.Lines(contents) {
		if before, after, found := strings.Cut(string(line), ":"); found && strings.TrimSpace(before) == name {
			return strings.TrimSpace(after)
		}
	}
	return ""
}
