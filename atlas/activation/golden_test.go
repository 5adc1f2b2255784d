package activation_test

// goldenLookup is the lookup of the first code of a fixed source under a
// fixed secret.
const goldenLookup = "x"
