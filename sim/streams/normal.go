package streams

// Z99 is the 99th percentile of the standard normal distribution: so many standard deviations of the logarithm lie between the
// median and the p99 of what is log-normal.
const Z99 = 2.3263478740408408
