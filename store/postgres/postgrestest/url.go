package postgrestest

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// A pair of libpq's keyword DSN: "Connection Strings" in the PostgreSQL
// documentation of libpq. The value is quoted or runs to the next blank.
var keywordValue = regexp.MustCompile(`^\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?:\s+|$)`)

var escaped = regexp.MustCompile(`\\(.)`)

// toURL reads a DSN of either form, without the name of the database if that
// is given as a parameter. Errors do not quote it: it may hold a password.
func toURL(dsn string) (*url.URL, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return fromKeywords(dsn)
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	query, err := url.ParseQuery(strings.ReplaceAll(u.RawQuery, "+", "%2B")) // see setQuery
	if err != nil {
		return nil, errors.New("not a URL: its parameters")
	}
	if name := query.Get("dbname"); name != "" {
		u.Path = "/" + name
	}
	setQuery(u, query)
	return u, nil
}

func fromKeywords(dsn string) (*url.URL, error) {
	query := url.Values{}
	for rest := dsn; rest != ""; {
		pair := keywordValue.FindStringSubmatch(rest)
		if pair == nil {
			return nil, errors.New("neither a URL nor keywords and values")
		}
		rest = rest[len(pair[0]):]
		query.Set(pair[1], escaped.ReplaceAllString(pair[2]+pair[3], "$1"))
	}
	u := &url.URL{Scheme: "postgres", Path: "/" + query.Get("dbname")}
	setQuery(u, query)
	return u, nil
}

// setQuery writes a blank as %20: in a URL of PostgreSQL's a + is a plus.
func setQuery(u *url.URL, query url.Values) {
	query.Del("dbname")
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
}

// socketURL names the database postgres of the server whose socket is in dir.
func socketURL(dir string) *url.URL {
	u := &url.URL{Scheme: "postgres", Path: "/postgres"}
	setQuery(u, url.Values{"host": {dir}, "user": {"postgres"}, "sslmode": {"disable"}})
	return u
}

// withDatabase returns the server's URL with another database.
func withDatabase(server *url.URL, name string) string {
	u := *server
	u.Path = "/" + name
	return u.String()
}
