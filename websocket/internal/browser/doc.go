// Package browser holds the tests of websocket in a real browser, headless
// Chromium. They are a module of their own because of what drives it.
package browser
