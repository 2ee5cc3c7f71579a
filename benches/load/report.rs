//! The table, to be pasted as it is.
use crate::{
    Options,
    crowd::Crowd,
    probe,
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
    pub fn print(&self, crowds: &[Crowd], with_postgres: bool) -> anyhow::Result<()> {
        println!("| | requests/s | CPU µs/request | of the limit: requests/s | CPU | aim |");
        println!("|---|---:|---:|---:|---:|---:|");
        for (variant, samples) in self.variants.iter().zip(&self.samples) {
            let rate = median(samples.iter().map(|sample| sample.per_second).collect());
            let cpu: Option<Vec<_>> = samples.iter().map(|sample| sample.cpu).collect();
            let cpu = cpu.map(|cpu| format!("{:.1}", median(cpu))).unwrap_or_default();
            let rest = self.rest_of_row(variant, samples);
            println!("| {} | {rate:.0} | {cpu} | {rest}", variant.name);
        }
        self.print_gains();
        println!("\nDisk: {:.0} fdatasync/s.", median(self.disk.clone()));
        println!("\n| | | aim |\n|---|---:|---:|");
        let Footprint { start_seconds, idle, peak } = self.footprint;
        println!("| start on existing data to ready | {start_seconds:.2} s | ≤ 0.3 s |");
        println!("| memory after start and one idle second | {idle:.0} MB | ≤ 40 MB |");
        println!("| most memory under this load, on SQLite | {peak:.0} MB | |");
        for crowd in crowds {
            crowd.print_size()?;
        }
        self.print_circumstances(with_postgres)
    }

    fn rest_of_row(&self, variant: &Variant, samples: &[Sample]) -> String {
        let Some((limit, aim)) = &variant.limit else { return "| | |".to_owned() };
        let rate =
            self.ratio(samples, limit, |ours, limit| Some(ours.per_second / limit.per_second));
        let cpu = self.ratio(samples, limit, |ours, limit| Some(limit.cpu? / ours.cpu?));
        let [rate, cpu] =
            [rate, cpu].map(|ratio| ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default());
        format!("{rate} | {cpu} | ≥ {aim} |")
    }

    /// What is compared with something beside its limit.
    fn print_gains(&self) {
        println!("\n| | times the requests/s | aim |\n|---|---:|---:|");
        for (variant, samples) in self.variants.iter().zip(&self.samples) {
            for (other, aim) in &variant.compared {
                let per_second =
                    |ours: &Sample, other: &Sample| Some(ours.per_second / other.per_second);
                if let Some(ratio) = self.ratio(samples, other, per_second) {
                    println!("| {} : {other} | {ratio:.2} | ≥ {aim} |", variant.name);
                }
            }
        }
    }

    /// The median over the rounds, as turns of one round are near each other.
    fn ratio(
        &self,
        samples: &[Sample],
        other: &str,
        of: impl Fn(&Sample, &Sample) -> Option<f64>,
    ) -> Option<f64> {
        let place = self.variants.iter().position(|variant| variant.name == other)?;
        let pairs = samples.iter().zip(&self.samples[place]);
        pairs.map(|(ours, other)| of(ours, other)).collect::<Option<_>>().map(median)
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
        let sessions = match self.options.sessions {
            0 => String::new(),
            sessions => format!(" --sessions {sessions}"),
        };
        println!(
            "Medians of interleaved turns by `cargo bench --bench load -- --rounds {rounds} \
             --seconds {seconds} --connections {connections}{sessions}{only}`."
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
