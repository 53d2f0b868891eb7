#[automatically_derived]
impl<T> ::ups_track::__private::Metrics for Losses<T>
where
    T: ::ups_track::__private::MetricValue,
{
    const KEYS: ::ups_track::__private::KeySet = {
        #[allow(unused_imports)]
        use ::ups_track::__private::probe::Unknown as _;
        ::ups_track::__private::KeySet::new(
            &["data", "reg/l2"],
            &[("physics", ::ups_track::__private::probe::Of::<Residuals>::METRICS)],
        )
    };
    fn visit_metrics(
        &self,
        each: &mut dyn ::ups_track::__private::core::ops::FnMut(
            &str,
            ::ups_track::__private::Number,
        ),
    ) {
        ::ups_track::__private::probe::metric(
            ::ups_track::__private::probe::Probe::new(&self.data).metric(),
            "data",
            each,
        );
        ::ups_track::__private::probe::metric(
            ::ups_track::__private::probe::Probe::new(&self.regularisation).metric(),
            "reg/l2",
            each,
        );
        ::ups_track::__private::probe::metrics::<
            Residuals,
        >(&self.physics, "physics", each);
    }
    const SHAPE: ::ups_track::__private::core::option::Option<
        ::ups_track::__private::Shape,
    > = {
        #[allow(unused_imports)]
        use ::ups_track::__private::probe::Unknown as _;
        ::ups_track::__private::probe::shapes(
            2usize,
            &[::ups_track::__private::probe::Of::<Residuals>::SHAPE],
            |each| {
                each("data");
                each("reg/l2");
                ::ups_track::__private::probe::Of::<
                    Residuals,
                >::keys_below("physics", each);
            },
        )
    };
    fn numbers(&self, out: &mut ::ups_track::__private::Numbers<'_, '_>) {
        #[allow(unused_imports)]
        use ::ups_track::__private::probe::Unknown as _;
        out.push(
            ::ups_track::__private::MetricField::number(
                ::ups_track::__private::probe::Probe::new(&self.data).metric(),
            ),
        );
        out.push(
            ::ups_track::__private::MetricField::number(
                ::ups_track::__private::probe::Probe::new(&self.regularisation).metric(),
            ),
        );
        ::ups_track::__private::probe::Of::<Residuals>::numbers(&self.physics, out);
    }
}
#[automatically_derived]
impl<T> ::ups_track::__private::probe::OneKindPerType for Losses<T> {}
