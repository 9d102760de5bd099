// The version of the language and its tools.

/// What `nnscript --version` shows.
package let nnscriptVersion = "0.1.0"
