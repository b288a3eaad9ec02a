// Package flights runs one query over real flights in every way that there is
// to run it, and holds each to what another engine has computed.
package flights
