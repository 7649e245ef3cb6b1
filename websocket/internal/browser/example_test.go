//go:build !js

package browser

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// The program in example does what it says: two pages see each other, and the
// one that is left sees that the other has gone.
func TestExample(t *testing.T) {
	browser := newBrowser(t)
	path := filepath.Join(t.TempDir(), "example")
	out, err := exec.Command("go", "build", "-C", "../..", "-o", path, "./example").CombinedOutput()
	require.NoError(t, err, string(out))
	program := exec.CommandContext(t.Context(), path, "-address", "127.0.0.1:0")
	stdout, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	t.Cleanup(func() { program.Process.Kill(); program.Wait() })
	url, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)

	says := func(text string) chromedp.Action {
		return chromedp.Poll(`document.querySelector("#status").textContent === "`+text+`"`, nil,
			chromedp.WithPollingTimeout(patience), chromedp.WithPollingInterval(50*time.Millisecond))
	}
	first, _ := newTab(t, browser, strings.TrimSpace(url))
	require.NoError(t, chromedp.Run(first, says("1 here")))
	second, closeSecond := newTab(t, browser, strings.TrimSpace(url))
	require.NoError(t, chromedp.Run(second, says("2 here"),
		chromedp.MouseEvent("mouseMoved", 100, 50),
		chromedp.Poll(`draw.getImageData(100, 50, 1, 1).data[3] === 255`, nil, chromedp.WithPollingTimeout(patience))))
	closeSecond()
	require.NoError(t, chromedp.Run(first, says("1 here")))
}
