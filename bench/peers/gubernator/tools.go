//go:build tools

package main

// The server is built from this module as well, so that go.mod pins it.
import _ "github.com/gubernator-io/gubernator/v2/cmd/gubernator"
