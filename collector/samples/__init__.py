"""From samples to sketches: series, windows, quantiles and the kernels that compute them."""
