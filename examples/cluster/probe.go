package main

import (
	"fmt"
	"net/http"
	"time"
)

// runProbe asks a server how it is: for containers that have no other program than this.
func runProbe(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("-probe needs an URL, such as http://localhost:8080/readyz")
	}
	client := http.Client{Timeout: 3 * time.Second}
	response, err := client.Get(args[0])
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", args[0], response.Status)
	}
	return nil
}
