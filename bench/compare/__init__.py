"""The comparison: sallyport beside its peers, started, loaded and measured the same way.

`scripts/bench` starts it. One file is one noun: `processes` and `accounting` know the operating
system, `systems` how each proxy is started, `load` the generator; each scenario is a file with a
function run(bench); `table` holds the bounds that must hold.
"""
