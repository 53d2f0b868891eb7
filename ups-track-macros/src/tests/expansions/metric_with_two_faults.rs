fn call() {
    {
        ::core::compile_error! {
            "metric key `_rank` is reserved: names beginning with `_` belong to W&B"
        }
        ::core::compile_error! {
            "`metric!` has no step: add `step = <expr>`, for example `step = epoch`"
        }
        if false {
            let _ = ::ups_track::__private::probe::Probe::new(&losses.mean()).metric();
            let _ = ::ups_track::__private::probe::Probe::new(&rank).metric();
        }
    }
}
