// Package lint tests rules that compilers do not know: which part of the tree
// may import which.
package lint
