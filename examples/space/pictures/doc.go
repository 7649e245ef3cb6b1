// Package pictures has pictures of the game, which its test makes:
//
//	go test ./pictures -update
//
// It plays the game as a user would, in a window and in a browser, each with a bot at
// the keys, against a server with more of them. Without Xvfb or Chromium that part
// is skipped. Without -update the pictures stay as they are.
package pictures
