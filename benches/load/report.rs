//! The table, to be pasted as it is.
use crate::{
    Options, probe,
    variant::{Sample, Variant},
};
use mintmark::clock::Clock;

pub struct Report<'a> {
    pub options: &'a Options,
    pub variants: Vec<Variant>,
    /// Per variant, one of each round.
    pub samples: Vec<Vec<Sample>>,
    /// Per round.
    pub disk: Vec<f64>,
    pub footprint: Footprint,
}

pub struct Footprint {
    pub start_seconds: f64,
    /// In MB.
    pub idle: f64,
    pub peak: f64,
}

/// The middle one, or the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) }
}

impl Report<'_> {
    pub fn print(&self, with_postgres: bool) -> anyhow::Result<()> {
        println!("| | requests/s | CPU µs/request | of the limit: requests/s | CPU | aim |");
        println!("|---|---:|---:|---:|---:|---:|");
        for (variant, samples) in self.variants.iter().zip(&self.samples) {
            let of = |value: fn(&Sample) -> f64| median(samples.iter().map(value).collect());
            let (rate, cpu) = (of(|sample| sample.per_second), of(|sample| sample.cpu));
            let rest = self.rest_of_row(variant, samples);
            println!("| {} | {rate:.0} | {cpu:.1} | {rest}", variant.name);
        }
        println!("\n| | | aim |\n|---|---:|---:|");
        let Footprint { start_seconds, idle, peak } = self.footprint;
        println!("| start on existing data to ready | {start_seconds:.2} s | ≤ 0.3 s |");
        println!("| memory after start and one idle second | {idle:.0} MB | ≤ 40 MB |");
        println!("| most memory under this load, on SQLite | {peak:.0} MB | |");
        self.print_circumstances(with_postgres)
    }

    /// The comparison, or for what waits for the disk what the disk could do.
    fn rest_of_row(&self, variant: &Variant, samples: &[Sample]) -> String {
        if variant.writes {
            return format!("(disk: {:.0} fdatasync/s) | | |", median(self.disk.clone()));
        }
        let Some((limit, aim)) = variant.limit else { return "| | |".to_owned() };
        let place = self.variants.iter().position(|variant| variant.name == limit);
        let limits = place.map_or(&[][..], |place| &self.samples[place]);
        // Of each round, whose two turns followed each other; then the median.
        let of = |ratio: fn(&Sample, &Sample) -> f64| {
            let ratios = samples.iter().zip(limits).map(|(ours, limit)| ratio(ours, limit));
            median(ratios.collect())
        };
        let rate = of(|ours, limit| ours.per_second / limit.per_second);
        let cpu = of(|ours, limit| limit.cpu / ours.cpu);
        format!("{rate:.2} | {cpu:.2} | ≥ {aim} |")
    }

    fn print_circumstances(&self, with_postgres: bool) -> anyhow::Result<()> {
        let Options { rounds, seconds, connections, .. } = self.options;
        let now = Clock::System.now().to_string();
        let day = now.split('T').next().unwrap_or(&now);
        println!("\n{day}; {}; servers, load and databases share them.", probe::machine()?);
        let only = match self.options.only.as_str() {
            "" => String::new(),
            only => format!(" --only '{only}'"),
        };
        println!(
            "Medians of interleaved turns by `cargo bench --bench load -- --rounds {rounds} \
             --seconds {seconds} --connections {connections}{only}`."
        );
        if !with_postgres {
            println!(
                "PostgreSQL is left out, as TEST_POSTGRES_URL is not set; \
                 `scripts/postgres start DIR` starts one and prints the URL."
            );
        }
        Ok(())
    }
}
