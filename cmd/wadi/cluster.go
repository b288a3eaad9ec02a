package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest/client"
	"github.com/wadi-engine/wadi/engine"
)

// cluster is the flags of every command that speaks to a cluster.
type cluster struct {
	address string
	token   string
	json    bool
}

const defaultAddress = "127.0.0.1:8081"

func (f *cluster) flags(c *cobra.Command) {
	c.Flags().StringVarP(&f.address, "jobmanager", "m", defaultAddress, "the `host:port` of the cluster's REST API")
	f.rest(c)
}

// rest is the flags but for the address.
func (f *cluster) rest(c *cobra.Command) {
	c.Flags().StringVar(&f.token, "token", os.Getenv("WADI_REST_TOKEN"), "the bearer `token` of the cluster (WADI_REST_TOKEN)")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().Lookup("token").DefValue = ""
}

func (f *cluster) client() *client.Client {
	return &client.Client{Address: f.address, Token: f.token, Clock: engine.WallClock{}}
}

// printJSON prints v for programs.
func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// say prints a line for people; programs that asked for JSON do not see it.
func (f *cluster) say(c *cobra.Command, format string, args ...any) {
	if !f.json {
		fmt.Fprintf(c.OutOrStdout(), format+"\n", args...)
	}
}
