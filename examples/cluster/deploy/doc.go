// Package deploy has no code: it is a Dockerfile, a file for Docker Compose and manifests
// for Kubernetes, and a test that reads them as these programs do.
package deploy
