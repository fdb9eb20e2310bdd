"""Networks: tensors in, tensors out; backbones, correlation, heads, one file per tracker."""
