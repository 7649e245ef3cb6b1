package pictures

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	update = flag.Bool("update", false, "put the pictures into the repository")
	wasm   = flag.String("wasm", "", "the client for browsers, if it is not to be built")
)

const patience = 10 * time.Minute // building the client for browsers takes a while

// found returns the path of a program. Without it the test is skipped, and fails
// where CI is set.
func found(t *testing.T, pack string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("no %s: install Debian's package %s", names[0], pack)
	}
	t.Skipf("SKIPPED, no picture was made: no %s in PATH (Debian's package is %s)", names[0], pack)
	return ""
}

// built compiles a command of the game.
func built(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-o", file, "../"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Run())
	return file
}

// serve starts a server with bots and returns its addresses.
func serve(t *testing.T) (tcp, page string) {
	t.Helper()
	cmd := exec.Command(built(t, "server"), "-tcp=localhost:0", "-http=localhost:0", "-bots=34", "-inspect=", "-report=0", "-wasm="+*wasm)
	out, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	line := regexp.MustCompile(`(http://\S+)|-server (\S+)`)
	lines := bufio.NewScanner(out)
	for (tcp == "" || page == "") && lines.Scan() {
		for _, m := range line.FindAllStringSubmatch(lines.Text(), -1) {
			tcp, page = tcp+m[2], page+m[1]
		}
	}
	require.NoError(t, lines.Err())
	go io.Copy(io.Discard, out)
	return tcp, page
}

// keep checks that a picture shows something, and puts it into the repository if
// it is to be there.
func keep(t *testing.T, name string, data []byte) {
	t.Helper()
	picture, _, err := image.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	colors := make(map[[3]uint32]bool)
	for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y += 3 {
		for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x += 3 {
			r, g, b, _ := picture.At(x, y).RGBA()
			colors[[3]uint32{r >> 10, g >> 10, b >> 10}] = true
		}
	}
	assert.Greater(t, len(colors), 150, "stars, ships and texts have many colours")
	var small bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, picture))
	assert.Less(t, small.Len(), 400_000, "the repository has to carry it")
	if *update {
		require.NoError(t, os.WriteFile(name, small.Bytes(), 0o644))
	}
}

func TestNative(t *testing.T) {
	run := found(t, "xvfb", "xvfb-run")
	client := built(t, "client")
	tcp, _ := serve(t)
	file := filepath.Join(t.TempDir(), "native.png")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, run, "-a", "-s", "-screen 0 1280x720x24",
		client, "-server="+tcp, "-name=Ada", "-bot", "-screenshot="+file, "-after=8s")
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Run())
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	keep(t, "native.png", data)
}

func TestBrowser(t *testing.T) {
	chromium := found(t, "chromium", "chromium", "chromium-browser", "google-chrome")
	_, page := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium),
		chromedp.NoSandbox,
		chromedp.WindowSize(960, 540),
		chromedp.Flag("enable-unsafe-swiftshader", true),
		chromedp.Flag("disable-component-update", true),
	)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	require.NoError(t, chromedp.Run(ctx,
		chromedp.EmulateViewport(960, 540),
		chromedp.Navigate(page+"/?name=Grace&bot=1"),
		chromedp.Poll(`document.title.includes("Grace is no.")`, nil,
			chromedp.WithPollingTimeout(patience), chromedp.WithPollingInterval(time.Second)),
	))
	var best []byte
	for range 20 { // the fullest of some pictures
		var data []byte
		require.NoError(t, chromedp.Run(ctx, chromedp.Sleep(1500*time.Millisecond), chromedp.CaptureScreenshot(&data)))
		if len(data) > len(best) {
			best = data
		}
	}
	keep(t, "browser.png", best)
}
